package config

import "testing"

func TestStoreRules(t *testing.T) {
	const (
		needsHost = "want a host and a port other than 0"
		noURL     = "want http://host:port or https://host:port"
	)
	redis := func(change func(r *RedisStore)) func(c *Config) {
		return func(c *Config) { change(&c.Store.Redis) }
	}
	etcd := func(change func(e *EtcdStore)) func(c *Config) {
		return func(c *Config) { change(&c.Store.Etcd) }
	}
	tests := []struct {
		change func(c *Config)
		want   string
	}{
		{redis(func(r *RedisStore) { r.Addresses = nil }), "store.redis.addresses: names no address"},
		{redis(func(r *RedisStore) { r.Addresses = []string{"a:1", "b", ":6379", "c:0"} }),
			"store.redis.addresses[1]: \"b\": want host:port, such as :8443 or 127.0.0.1:8443\n" +
				"store.redis.addresses[2]: \":6379\": " + needsHost + "\nstore.redis.addresses[3]: \"c:0\": " + needsHost},
		{redis(func(r *RedisStore) { r.Addresses = []string{"redis://me:secret@a:1"} }),
			`store.redis.addresses[0]: "redis://[masked]@a:1": want host:port, not a URL`},
		{redis(func(r *RedisStore) { r.Username = "u" }), "store.redis.password_file: is needed with store.redis.username"},
		{redis(func(r *RedisStore) { r.PasswordFile = "f" }), ""},
		{redis(func(r *RedisStore) { r.DB = -1 }), "store.redis.db: -1 is less than 0"},
		{redis(func(r *RedisStore) { r.Prefix = "" }), `store.redis.prefix: "" is not 1 to 64 of A-Z, a-z, 0-9 and ._:/-`},
		{redis(func(r *RedisStore) { r.Prefix = "{a}" }), `store.redis.prefix: "{a}" is not 1 to 64 of A-Z, a-z, 0-9 and ._:/-`},
		{redis(func(r *RedisStore) { r.Prefix = "a*" }), `store.redis.prefix: "a*" is not 1 to 64 of A-Z, a-z, 0-9 and ._:/-`},
		{redis(func(r *RedisStore) { r.TLS.CAFile = "ca" }), "store.redis.tls.ca_file: has no effect without store.redis.tls.enabled: true"},
		{redis(func(r *RedisStore) { r.TLS = RedisTLS{true, BackendTLS{CAFile: "ca", ServerName: "r"}} }), ""},
		{redis(func(r *RedisStore) { r.TLS = RedisTLS{true, BackendTLS{CertFile: "c"}} }), "store.redis.tls.key_file: is needed with store.redis.tls.cert_file"},

		{etcd(func(e *EtcdStore) { e.Endpoints = []string{} }), "store.etcd.endpoints: names no endpoint"},
		{etcd(func(e *EtcdStore) { e.Endpoints = []string{"127.0.0.1:2379", "ftp://a:1", "http://%zz:1"} }),
			"store.etcd.endpoints[0]: \"127.0.0.1:2379\": " + noURL + "\nstore.etcd.endpoints[1]: \"ftp://a:1\": " + noURL +
				"\nstore.etcd.endpoints[2]: \"http://%zz:1\": " + noURL},
		{etcd(func(e *EtcdStore) {
			e.Endpoints = []string{"http://a", "http://:1", "http://a:1/v3", "http://a:1?x=secret"}
		}),
			"store.etcd.endpoints[0]: \"http://a\": want host:port, such as :8443 or 127.0.0.1:8443\n" +
				"store.etcd.endpoints[1]: \"http://:1\": " + needsHost + "\nstore.etcd.endpoints[2]: \"http://a:1/v3\": want nothing behind the port\n" +
				"store.etcd.endpoints[3]: \"http://a:1?[masked]\": want nothing behind the port"},
		{etcd(func(e *EtcdStore) { e.Endpoints = []string{"http://me:secret@a:1"} }),
			`store.etcd.endpoints[0]: "http://[masked]@a:1": holds credentials: want them in username and password_file`},
		{etcd(func(e *EtcdStore) { e.Endpoints = []string{"http://a:1", "https://b:1"} }), "store.etcd.endpoints: some are http:// and some https://: want all alike"},
		{etcd(func(e *EtcdStore) { e.Endpoints = []string{"http://a:1/", "http://[::1]:1"} }), ""},
		{etcd(func(e *EtcdStore) { e.Username = "u" }), "store.etcd.password_file: is needed with store.etcd.username"},
		{etcd(func(e *EtcdStore) { e.PasswordFile = "f" }), "store.etcd.username: is needed with store.etcd.password_file"},
		{etcd(func(e *EtcdStore) { e.Prefix = "/roster" }), `store.etcd.prefix: "/roster" does not begin and end with a slash, or has spaces or more than 128 bytes`},
		{etcd(func(e *EtcdStore) { e.Prefix = "" }), `store.etcd.prefix: "" does not begin and end with a slash, or has spaces or more than 128 bytes`},
		{etcd(func(e *EtcdStore) { e.Prefix = "roster/" }), `store.etcd.prefix: "roster/" does not begin and end with a slash, or has spaces or more than 128 bytes`},
		{etcd(func(e *EtcdStore) { e.TLS.ServerName = "x" }), "store.etcd.tls.server_name: has no effect without https:// endpoints"},
		{etcd(func(e *EtcdStore) {
			e.Endpoints, e.TLS = []string{"https://a:1"}, BackendTLS{CAFile: "ca", CertFile: "c", KeyFile: "k"}
		}), ""},
	}
	for _, tt := range tests {
		c := Default()
		tt.change(&c)
		checkProblems(t, c.Validate(), tt.want)
	}
}
