package config

import (
	"net/netip"
	"time"
)

func (v *validator) checks(c *Config) {
	k := &c.Checks
	if k.MinInterval < 100*time.Millisecond || k.MinInterval > time.Hour || k.MinInterval%time.Millisecond != 0 {
		v.add("checks.min_interval", "%s is not a whole number of milliseconds from 100ms to 1h", formatDuration(k.MinInterval))
	}
	if k.PerAddress < 1 {
		v.add("checks.per_address", "%d is less than 1", k.PerAddress)
	}
	if k.PanicThreshold < 1 || k.PanicThreshold > 100 {
		v.add("checks.panic_threshold", "%d is not from 1 to 100", k.PanicThreshold)
	}
	v.pair("checks.cert_file", k.CertFile, "checks.key_file", k.KeyFile)
	if k.CertFile != "" && k.CertFile == c.TLS.CertFile {
		v.add("checks.cert_file", "is the server's own certificate: whoever is checked could hold it for a call of the server's; issue another")
	}
}

// networks checks those of a rule, as auth.ParseNetwork does.
func (v *validator) networks(key string, rule *PolicyRule) {
	if len(rule.CheckCIDRs) > 0 && len(rule.Register) == 0 {
		v.add(key, "limits the checks of what the rule lets register, which is nothing")
	}
	for i, text := range rule.CheckCIDRs {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			v.add(indexed(key, i), "%q is not a network such as 10.0.0.0/8 or fd00::/8", text)
		case p.Addr().Is4In6():
			v.add(indexed(key, i), "%q is an IPv4 network in the form of IPv6: write it as IPv4", text)
		case p != p.Masked():
			v.add(indexed(key, i), "%q has bits behind its length: write %s", text, p.Masked())
		}
	}
}
