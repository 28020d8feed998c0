package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Validate reports every value that breaks a rule, all at once, as a [*Problems] of
// [*Problem]s that name the key and the rule. It looks at no file; see [Config.CheckFiles].
// Whether this program has the backend built in is not its business either.
func (c *Config) Validate() error {
	v := &validator{}
	v.choices(c)
	v.node(c)
	v.tls(&c.TLS)
	v.redis(&c.Store.Redis)
	v.etcd(&c.Store.Etcd)
	v.lease(&c.Lease)
	v.auth(&c.Auth)
	v.checks(c)
	v.limits(&c.Limits)
	return v.problems.err("validate configuration")
}

// Validate is [Config.Validate] with the place of each value that breaks a rule.
func (l *Loaded) Validate() error { return l.locate(l.Config.Validate()) }

// locate adds the places to the problems of an error.
func (l *Loaded) locate(err error) error {
	var problems *Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, each := range problems.List {
		var p *Problem
		if errors.As(each, &p) {
			name, _, _ := strings.Cut(p.Key, "[")
			p.At = l.Source(name)
		}
	}
	return problems
}

// validator gathers the broken rules.
type validator struct{ problems problemList }

func (v *validator) add(key, format string, args ...any) {
	v.problems.add(Source{}, key, format, args...)
}

// oneOf checks a value against those that its key allows.
func (v *validator) oneOf(key, value string) {
	if allowed := find(key).OneOf; !slices.Contains(allowed, value) {
		v.add(key, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
}

func (v *validator) choices(c *Config) {
	v.oneOf("tls.min_version", c.TLS.MinVersion)
	v.oneOf("store.backend", c.Store.Backend)
	v.oneOf("log.level", c.Log.Level)
	v.oneOf("log.format", c.Log.Format)
}

// nodeName is the form of a node's name, that of instance IDs.
var nodeName = regexp.MustCompile(`^[A-Za-z0-9._:@~+=-]{1,128}$`)

func (v *validator) node(c *Config) {
	if c.Node != "" && !nodeName.MatchString(c.Node) {
		v.add("node", "%q is not 1 to 128 of A-Z, a-z, 0-9 and ._:@~+=-", c.Node)
	}
	if c.ShutdownTimeout <= 0 {
		v.add("shutdown_timeout", "%s is not more than 0", formatDuration(c.ShutdownTimeout))
	}
	main, mainErr := splitAddress(c.Listen)
	if mainErr != nil {
		v.add("listen", "%q: %v", mask(find("listen"), c.Listen), mainErr)
	}
	if c.Admin.Listen == "" {
		return
	}
	admin, err := splitAddress(c.Admin.Listen)
	switch {
	case err != nil:
		v.add("admin.listen", "%q: %v", mask(find("admin.listen"), c.Admin.Listen), err)
	case mainErr == nil && main.overlaps(admin):
		v.add("admin.listen", "%q takes the same port as listen: %q", c.Admin.Listen, c.Listen)
	}
}

func (v *validator) tls(t *TLS) {
	v.pair("tls.cert_file", t.CertFile, "tls.key_file", t.KeyFile)
	if t.CertFile != "" && t.ClientCAFile == "" {
		v.add("tls.client_ca_file", "is needed with tls.cert_file: clients must show a certificate of its root")
	}
	if t.CRLFile != "" && t.ClientCAFile == "" {
		v.add("tls.crl_file", "needs tls.client_ca_file, whose root signs it")
	}
}

// pair checks that a certificate and its key are given both or not at all.
func (v *validator) pair(certKey, cert, keyKey, key string) {
	if cert != "" && key == "" {
		v.add(keyKey, "is needed with %s", certKey)
	}
	if cert == "" && key != "" {
		v.add(certKey, "is needed with %s", keyKey)
	}
}

func (v *validator) lease(l *Lease) {
	const most = 365 * 24 * time.Hour
	for _, ttl := range []struct {
		key   string
		value time.Duration
	}{{"lease.min_ttl", l.MinTTL}, {"lease.default_ttl", l.DefaultTTL}, {"lease.max_ttl", l.MaxTTL}} {
		if ttl.value <= 0 || ttl.value > most || ttl.value%time.Millisecond != 0 {
			v.add(ttl.key, "%s is not a whole number of milliseconds from 1ms to %s", formatDuration(ttl.value), formatDuration(most))
		}
	}
	if l.MinTTL > l.MaxTTL {
		v.add("lease.min_ttl", "%s is more than lease.max_ttl, %s", formatDuration(l.MinTTL), formatDuration(l.MaxTTL))
	}
	if l.DefaultTTL < l.MinTTL {
		v.add("lease.default_ttl", "%s is less than lease.min_ttl, %s", formatDuration(l.DefaultTTL), formatDuration(l.MinTTL))
	}
	if l.DefaultTTL > l.MaxTTL {
		v.add("lease.default_ttl", "%s is more than lease.max_ttl, %s", formatDuration(l.DefaultTTL), formatDuration(l.MaxTTL))
	}
	if l.SweepInterval < 10*time.Millisecond {
		v.add("lease.sweep_interval", "%s is less than 10ms", formatDuration(l.SweepInterval))
	}
}

func (v *validator) limits(l *Limits) {
	for _, limit := range []struct {
		key   string
		value int
	}{
		{"limits.requests_per_second", l.RequestsPerSecond}, {"limits.connections", l.Connections},
		{"limits.instances", l.Instances}, {"limits.watchers", l.Watchers},
		{"limits.address_connections", l.AddressConnections}, {"limits.address_connects_per_second", l.AddressConnectsPerSecond},
	} {
		if limit.value < 0 {
			v.add(limit.key, "%d is less than 0, which means none", limit.value)
		}
	}
}

// indexed is the name of an item of a list.
func indexed(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }
