package config

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// redisPrefix leaves out what has a meaning in keys: braces, which make hash tags, and
// the characters of patterns.
var redisPrefix = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,64}$`)

func (v *validator) redis(r *RedisStore) {
	const key = "store.redis."
	if len(r.Addresses) == 0 {
		v.add(key+"addresses", "names no address")
	}
	for i, address := range r.Addresses {
		shown := mask(find(key+"addresses"), address)
		switch parsed, err := splitAddress(address); {
		case strings.Contains(address, "://"):
			v.add(indexed(key+"addresses", i), "%q: want host:port, not a URL", shown)
		case err != nil:
			v.add(indexed(key+"addresses", i), "%q: %v", shown, err)
		case parsed.host == "" || parsed.port == 0:
			v.add(indexed(key+"addresses", i), "%q: want a host and a port other than 0", shown)
		}
	}
	if r.Username != "" && r.PasswordFile == "" {
		v.add(key+"password_file", "is needed with %susername", key)
	}
	if r.DB < 0 {
		v.add(key+"db", "%d is less than 0", r.DB)
	}
	if !redisPrefix.MatchString(r.Prefix) {
		v.add(key+"prefix", "%q is not 1 to 64 of A-Z, a-z, 0-9 and ._:/-", r.Prefix)
	}
	v.backendTLS(key+"tls.", &r.TLS.BackendTLS, r.TLS.Enabled, key+"tls.enabled: true")
}

func (v *validator) etcd(e *EtcdStore) {
	const key = "store.etcd."
	if len(e.Endpoints) == 0 {
		v.add(key+"endpoints", "names no endpoint")
	}
	secure, plain := 0, 0
	for i, endpoint := range e.Endpoints {
		scheme, problem := checkEndpoint(endpoint)
		if problem != "" {
			v.add(indexed(key+"endpoints", i), "%q: %s", mask(find(key+"endpoints"), endpoint), problem)
		}
		switch scheme {
		case "https":
			secure++
		case "http":
			plain++
		}
	}
	if secure > 0 && plain > 0 {
		v.add(key+"endpoints", "some are http:// and some https://: want all alike")
	}
	if e.Username != "" && e.PasswordFile == "" {
		v.add(key+"password_file", "is needed with %susername", key)
	}
	if e.Username == "" && e.PasswordFile != "" {
		v.add(key+"username", "is needed with %spassword_file", key)
	}
	if len(e.Prefix) < 2 || len(e.Prefix) > 128 || !strings.HasPrefix(e.Prefix, "/") || !strings.HasSuffix(e.Prefix, "/") || strings.IndexFunc(e.Prefix, notInPrefix) >= 0 {
		v.add(key+"prefix", "%q does not begin and end with a slash, or has spaces or more than 128 bytes", e.Prefix)
	}
	v.backendTLS(key+"tls.", &e.TLS, secure > 0, "https:// endpoints")
}

func notInPrefix(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

// checkEndpoint gives the scheme of an endpoint of etcd, and what is wrong with it.
func checkEndpoint(endpoint string) (scheme, problem string) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", "want http://host:port or https://host:port"
	}
	switch parsed, err := splitAddress(u.Host); {
	case u.User != nil:
		problem = "holds credentials: want them in username and password_file"
	case err != nil:
		problem = err.Error()
	case parsed.host == "" || parsed.port == 0:
		problem = "want a host and a port other than 0"
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		problem = "want nothing behind the port"
	}
	return u.Scheme, problem
}

// backendTLS checks the TLS of a backend's section, whose keys begin with prefix; on tells
// whether TLS is spoken, and how is what turns it on.
func (v *validator) backendTLS(prefix string, t *BackendTLS, on bool, how string) {
	v.pair(prefix+"cert_file", t.CertFile, prefix+"key_file", t.KeyFile)
	if on {
		return
	}
	for _, set := range []struct{ key, value string }{
		{"ca_file", t.CAFile}, {"cert_file", t.CertFile}, {"key_file", t.KeyFile}, {"server_name", t.ServerName},
	} {
		if set.value != "" {
			v.add(prefix+set.key, "has no effect without %s", how)
		}
	}
}
