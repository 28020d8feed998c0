package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestRules breaks one rule at a time: what Validate says must be exactly the lines of
// want, so that no rule fires beside it.
func TestRules(t *testing.T) {
	tests := []struct {
		change func(c *Config)
		want   string // empty: valid
	}{
		{func(c *Config) { c.Node = "a b" }, `node: "a b" is not 1 to 128 of A-Z, a-z, 0-9 and ._:@~+=-`},
		{func(c *Config) { c.Node = strings.Repeat("a", 129) }, `node: "` + strings.Repeat("a", 129) + `" is not 1 to 128 of A-Z, a-z, 0-9 and ._:@~+=-`},
		{func(c *Config) { c.Node = "node-1.eu" }, ""},
		{func(c *Config) { c.ShutdownTimeout = 0 }, "shutdown_timeout: 0s is not more than 0"},

		{func(c *Config) { c.Listen = "" }, `listen: "": want host:port, such as :8443 or 127.0.0.1:8443`},
		{func(c *Config) { c.Listen = "8443" }, `listen: "8443": want host:port; a port alone is written with a colon, such as :8443`},
		{func(c *Config) { c.Listen = ":https" }, `listen: ":https": want a port from 0 to 65535`},
		{func(c *Config) { c.Listen = ":65536" }, `listen: ":65536": want a port from 0 to 65535`},
		{func(c *Config) { c.Listen = ":+1" }, `listen: ":+1": want a port from 0 to 65535`},
		{func(c *Config) { c.Listen = ":" }, `listen: ":": want a port from 0 to 65535`},
		{func(c *Config) { c.Listen = "::1:8443" }, `listen: "::1:8443": want host:port, such as :8443 or 127.0.0.1:8443`},
		{func(c *Config) { c.Listen = "a b:1" }, `listen: "a b:1": want an IP address or a name before the port`},
		{func(c *Config) { c.Listen = "me:secret@host:1" }, `listen: "[masked]@host:1": want host:port, such as :8443 or 127.0.0.1:8443`},
		{func(c *Config) { c.Listen = "[::1]:0" }, ""},
		{func(c *Config) { c.Listen = "[fe80::1%eth0]:1" }, ""},
		{func(c *Config) { c.Listen = "roster.example.org:443" }, ""},

		{func(c *Config) { c.Admin.Listen = "" }, ""},
		{func(c *Config) { c.Admin.Listen = "x" }, `admin.listen: "x": want host:port, such as :8443 or 127.0.0.1:8443`},
		{func(c *Config) { c.Admin.Listen = "127.0.0.1:8443" }, `admin.listen: "127.0.0.1:8443" takes the same port as listen: ":8443"`},
		{func(c *Config) { c.Listen, c.Admin.Listen = "LOCALHOST:1", "localhost:1" }, `admin.listen: "localhost:1" takes the same port as listen: "LOCALHOST:1"`},
		{func(c *Config) { c.Listen, c.Admin.Listen = "10.0.0.1:1", "0.0.0.0:1" }, `admin.listen: "0.0.0.0:1" takes the same port as listen: "10.0.0.1:1"`},
		{func(c *Config) { c.Listen, c.Admin.Listen = "10.0.0.1:1", "127.0.0.1:1" }, ""},
		{func(c *Config) { c.Listen, c.Admin.Listen = ":0", ":0" }, ""},

		{func(c *Config) { c.TLS.KeyFile = "" }, "tls.key_file: is needed with tls.cert_file"},
		{func(c *Config) { c.TLS.CertFile = "" }, "tls.cert_file: is needed with tls.key_file"},
		{func(c *Config) { c.TLS.CertFile, c.TLS.KeyFile = "", "" }, ""},
		{func(c *Config) { c.TLS.ClientCAFile = "" }, "tls.client_ca_file: is needed with tls.cert_file: clients must show a certificate of its root"},
		{func(c *Config) { c.TLS = TLS{CRLFile: "x", MinVersion: "1.2"} }, "tls.crl_file: needs tls.client_ca_file, whose root signs it"},
		{func(c *Config) { c.TLS.MinVersion = "1.1" }, `tls.min_version: "1.1" is not one of 1.2, 1.3`},
		{func(c *Config) { c.TLS.MinVersion = "TLS13" }, `tls.min_version: "TLS13" is not one of 1.2, 1.3`},

		{func(c *Config) { c.Store.Backend = "Redis" }, `store.backend: "Redis" is not one of memory, redis, etcd`},
		{func(c *Config) { c.Store.Backend = "etcd" }, ""},

		{func(c *Config) { c.Lease.MinTTL = 0 }, "lease.min_ttl: 0s is not a whole number of milliseconds from 1ms to 8760h"},
		{func(c *Config) { c.Lease.MinTTL = 1500 * time.Microsecond }, "lease.min_ttl: 1.5ms is not a whole number of milliseconds from 1ms to 8760h"},
		{func(c *Config) { c.Lease.MaxTTL = 10000 * time.Hour }, "lease.max_ttl: 10000h is not a whole number of milliseconds from 1ms to 8760h"},
		{func(c *Config) { c.Lease.DefaultTTL = time.Second }, "lease.default_ttl: 1s is less than lease.min_ttl, 2s"},
		{func(c *Config) { c.Lease.DefaultTTL = 2 * time.Hour }, "lease.default_ttl: 2h is more than lease.max_ttl, 1h"},
		{func(c *Config) { c.Lease.MinTTL, c.Lease.MaxTTL = time.Minute, time.Second }, "lease.min_ttl: 1m is more than lease.max_ttl, 1s\nlease.default_ttl: 30s is less than lease.min_ttl, 1m\nlease.default_ttl: 30s is more than lease.max_ttl, 1s"},
		{func(c *Config) { c.Lease.MinTTL, c.Lease.MaxTTL = 30*time.Second, 30*time.Second }, ""},
		{func(c *Config) { c.Lease.SweepInterval = 0 }, "lease.sweep_interval: 0s is less than 10ms"},

		{func(c *Config) { c.Auth.TokenTTL = -1 }, "auth.token_ttl: -1ns is neither 0, for ever, nor at least 1s"},
		{func(c *Config) { c.Auth.TokenTTL = time.Millisecond }, "auth.token_ttl: 1ms is neither 0, for ever, nor at least 1s"},
		{func(c *Config) { c.Auth.TokenTTL, c.Auth.RotationGrace = 0, 0 }, ""},
		{func(c *Config) { c.Auth.RotationGrace = -time.Second }, "auth.rotation_grace: -1s is less than 0"},
		{func(c *Config) { c.Auth.Identity = nil }, "auth.identity: names no source: nobody would have an identity"},
		{func(c *Config) { c.Auth.Identity = []string{"uri", "ip"} }, `auth.identity[1]: "ip" is not one of uri, dns, cn`},
		{func(c *Config) { c.Auth.Identity = []string{"uri", "cn", "uri"} }, `auth.identity[2]: "uri" is given twice`},
		{func(c *Config) { c.Auth.Services = []string{"svc-*", "", "a/b", "ü"} },
			"auth.services[1]: \"\" matches nothing: give a pattern\n" +
				"auth.services[2]: \"a/b\" can match no service: names have A-Z, a-z, 0-9 and ._- only, patterns * and ? too\n" +
				"auth.services[3]: \"ü\" can match no service: names have A-Z, a-z, 0-9 and ._- only, patterns * and ? too"},
		{func(c *Config) {
			c.Auth.Policies = []PolicyRule{{Identity: "spiffe://example.org/*", Admin: true}, {Register: []string{"a b"}}, {Identity: "x"}, {Identity: "a\n", Admin: true}}
		}, "auth.policies[1].identity: \"\" matches nothing: give a pattern\n" +
			"auth.policies[1].register[0]: \"a b\" can match no service: names have A-Z, a-z, 0-9 and ._- only, patterns * and ? too\n" +
			"auth.policies[2]: allows nothing: give register, discover or admin: true\n" +
			"auth.policies[3].identity: \"a\\n\" has characters that no name has"},

		{func(c *Config) {
			c.Auth.Policies = []PolicyRule{
				{Identity: "x", Register: []string{"a"}, CheckCIDRs: []string{"10.0.0.0/8", "fd00::/8", "10.1.2.3/32"}},
				{Identity: "x", Discover: []string{"a"}, CheckCIDRs: []string{"10.0.0.0/8"}},
				{Identity: "x", Register: []string{"a"}, CheckCIDRs: []string{"10.0.0.0", "10.1.2.3/8", "::ffff:10.0.0.0/104", ""}},
			}
		}, "auth.policies[1].check_cidrs: limits the checks of what the rule lets register, which is nothing\n" +
			"auth.policies[2].check_cidrs[0]: \"10.0.0.0\" is not a network such as 10.0.0.0/8 or fd00::/8\n" +
			"auth.policies[2].check_cidrs[1]: \"10.1.2.3/8\" has bits behind its length: write 10.0.0.0/8\n" +
			"auth.policies[2].check_cidrs[2]: \"::ffff:10.0.0.0/104\" is an IPv4 network in the form of IPv6: write it as IPv4\n" +
			"auth.policies[2].check_cidrs[3]: \"\" is not a network such as 10.0.0.0/8 or fd00::/8"},

		{func(c *Config) {
			c.Checks = Checks{MinInterval: time.Millisecond, PanicThreshold: 101, CertFile: c.TLS.CertFile}
		}, "checks.min_interval: 1ms is not a whole number of milliseconds from 100ms to 1h\n" +
			"checks.per_address: 0 is less than 1\n" +
			"checks.panic_threshold: 101 is not from 1 to 100\n" +
			"checks.key_file: is needed with checks.cert_file\n" +
			"checks.cert_file: is the server's own certificate: whoever is checked could hold it for a call of the server's; issue another"},
		{func(c *Config) { c.Checks.PanicThreshold, c.Checks.KeyFile = 0, "k" },
			"checks.panic_threshold: 0 is not from 1 to 100\nchecks.cert_file: is needed with checks.key_file"},

		{func(c *Config) { c.Limits.RequestsPerSecond = -1 }, "limits.requests_per_second: -1 is less than 0, which means none"},
		{func(c *Config) { c.Limits.Watchers = -2 }, "limits.watchers: -2 is less than 0, which means none"},
		{func(c *Config) { c.Log = Log{Level: "trace", Format: "xml"} }, "log.level: \"trace\" is not one of debug, info, warn, error\nlog.format: \"xml\" is not one of auto, text, json"},
	}
	for _, tt := range tests {
		c := Default()
		tt.change(&c)
		checkProblems(t, c.Validate(), tt.want)
	}
}

// checkProblems compares the problems of an error with the lines of want.
func checkProblems(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("error %v, want none", err)
		}
		return
	}
	var problems *Problems
	if !errors.As(err, &problems) {
		t.Errorf("error %v, want %s", err, want)
		return
	}
	var lines []string
	for _, p := range problems.List {
		lines = append(lines, p.Error())
	}
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("problems\n%s\nwant\n%s", got, want)
	}
}

// TestProblemsHavePlaces breaks rules from different places.
func TestProblemsHavePlaces(t *testing.T) {
	name := write(t, "auth:\n  identity: [ip]\n  policies:\n  - {identity: x}\n")
	l := mustLoad(t, Options{File: name, Flags: flagSet(t, "--backend=mysql"), Environ: []string{"ROSTER_LISTEN=x", "SVC_TTL=1"}})
	l.Config.Log.Level = "" // of nowhere: the default was changed by the program
	checkProblems(t, l.Validate(), strings.Join([]string{
		`--backend: store.backend: "mysql" is not one of memory, redis, etcd`,
		`log.level: "" is not one of debug, info, warn, error`,
		`ROSTER_LISTEN: listen: "x": want host:port, such as :8443 or 127.0.0.1:8443`,
		name + `:2: auth.identity[0]: "ip" is not one of uri, dns, cn`,
		name + `:3: auth.policies[0]: allows nothing: give register, discover or admin: true`,
	}, "\n"))
	if err := mustLoad(t, Options{}).Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

func TestOneProblemIsOneLine(t *testing.T) {
	c := Default()
	c.Listen = "x"
	if err := c.Validate(); err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "validate configuration: listen: ") {
		t.Errorf("error %v, want one line that begins with the operation", err)
	}
}
