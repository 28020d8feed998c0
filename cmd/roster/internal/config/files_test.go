package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	there, missing := filepath.Join(dir, "there"), filepath.Join(dir, "missing")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const advice = "; roster pki init and roster pki issue make certificates"
	tests := []struct {
		change func(c *Config)
		want   string
	}{
		{func(c *Config) { c.TLS = TLS{CertFile: there, KeyFile: there, ClientCAFile: there} }, ""},
		{func(c *Config) { c.TLS = TLS{CertFile: missing, KeyFile: dir, ClientCAFile: there, CRLFile: missing} },
			"tls.cert_file: " + missing + " does not exist" + advice + "\ntls.key_file: " + dir + " is a directory" + advice +
				"\ntls.crl_file: " + missing + " does not exist"},
		{func(c *Config) { c.TLS = TLS{ClientCAFile: missing} }, ""}, // no TLS
		{func(c *Config) { c.TLS = TLS{}; c.Store.Redis.PasswordFile = missing }, ""},
		{func(c *Config) { c.TLS = TLS{}; c.Store.Backend = Redis; c.Store.Redis.PasswordFile = missing },
			"store.redis.password_file: " + missing + " does not exist"},
		{func(c *Config) {
			c.TLS, c.Store.Backend = TLS{}, Redis
			c.Store.Redis.TLS = RedisTLS{true, BackendTLS{CAFile: missing}}
		}, "store.redis.tls.ca_file: " + missing + " does not exist"},
		{func(c *Config) {
			c.TLS, c.Store.Backend = TLS{}, Etcd
			c.Store.Etcd.PasswordFile = there
			c.Store.Etcd.TLS = BackendTLS{CertFile: there, KeyFile: missing}
		}, "store.etcd.tls.key_file: " + missing + " does not exist"},
	}
	for _, tt := range tests {
		c := Default()
		tt.change(&c)
		checkProblems(t, c.CheckFiles(), tt.want)
	}
	l := mustLoad(t, Options{Environ: []string{"TLS_CERT_DIR=" + missing}})
	if err := l.CheckFiles(); err == nil || !strings.Contains(err.Error(), "TLS_CERT_DIR: tls.cert_file: ") {
		t.Errorf("error %v, want one that names the variable", err)
	}
}

func TestNodeName(t *testing.T) {
	if got := NodeName("configured"); got != "configured" {
		t.Errorf("the configured name becomes %q", got)
	}
	if a, b := NodeName(""), NodeName(""); a == b || !nodeName.MatchString(a) {
		t.Errorf("names made are %q and %q, want two different valid ones", a, b)
	}
	for host, prefix := range map[string]string{
		"Host-1.example": "host-1.example-", "": "node-", "...": "node-", "büro pc": "bropc-",
		strings.Repeat("h", 200): strings.Repeat("h", 63) + "-",
	} {
		got := nodeNameOn(host)
		if !strings.HasPrefix(got, prefix) || len(got) != len(prefix)+6 || !nodeName.MatchString(got) {
			t.Errorf("on host %q the name is %q, want %s and six more", host, got, prefix)
		}
	}
}
