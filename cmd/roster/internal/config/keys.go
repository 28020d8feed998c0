package config

import "time"

// The defaults that the ancestors' variables change in part.
const (
	defaultCert   = "certs/server.crt"
	defaultKey    = "certs/server-key.pem"
	defaultCA     = "certs/ca.crt"
	defaultMinTTL = 2 * time.Second
)

// keys is every key there is. The order is that of config.yaml and of roster config print.
var keys = []Key{
	{Name: "node", Kind: KindText, Default: "",
		Doc: "Name of this node in events, logs and metrics; unique among the nodes of a backend.\nEmpty: the name of the host with a random suffix."},
	{Name: "listen", Kind: KindText, Default: ":8443", dev: "127.0.0.1:0", address: true, ancestor: &ancestorPort,
		Doc: "Address of the API, host:port. Without a host: every interface."},
	{Name: "shutdown_timeout", Kind: KindDuration, Default: 10 * time.Second,
		Doc: "How long a shutdown waits for requests and streams before it cuts them."},

	{Name: "tls.cert_file", Kind: KindText, Default: defaultCert, dev: "", ancestor: &ancestorCert,
		Doc: "The server's certificate with its chain, PEM. Reloaded when it changes, as are the files below."},
	{Name: "tls.key_file", Kind: KindText, Default: defaultKey, dev: "", ancestor: &ancestorKey,
		Doc: "The key of that certificate, PEM."},
	{Name: "tls.client_ca_file", Kind: KindText, Default: defaultCA, dev: "", ancestor: &ancestorCA,
		Doc: "The only root whose client certificates are accepted, PEM."},
	{Name: "tls.crl_file", Kind: KindText, Default: "",
		Doc: "Revocation list of that root; past its next update nobody is let in. Empty: none."},
	{Name: "tls.min_version", Kind: KindText, Default: "1.3", OneOf: []string{"1.2", "1.3"},
		Doc: "Oldest version of TLS that clients may speak: \"1.2\" or \"1.3\"."},

	{Name: "admin.listen", Kind: KindText, Default: "127.0.0.1:8444", dev: "", address: true,
		Doc: "Address of metrics, health and readiness, and on loopback of pprof. Empty: no such listener.\nOff loopback it asks for client certificates as the API does."},
	{Name: "admin.plain", Kind: KindBool, Default: false,
		Doc: "Plain HTTP off loopback too. Anyone who reaches the address can then read the metrics."},

	{Name: "store.backend", Kind: KindText, Default: Memory, OneOf: []string{Memory, Redis, Etcd}, flag: "backend",
		Doc: "Where instances are kept: memory (one node), redis or etcd (several nodes)."},
	{Name: "store.memory.state_file", Kind: KindText, Default: "",
		Doc: "File that lets instances survive a restart; its folder must be there. Empty: memory only."},
	{Name: "store.redis.addresses", Kind: KindList, Default: []string{"127.0.0.1:6379"}, address: true,
		Doc: "Addresses of Redis, host:port."},
	{Name: "store.redis.username", Kind: KindText, Default: "",
		Doc: "User of Redis to log in as. Empty: the default user."},
	{Name: "store.redis.password_file", Kind: KindText, Default: "",
		Doc: "File that holds the password for Redis. Empty: no password."},
	{Name: "store.redis.db", Kind: KindInt, Default: 0,
		Doc: "Number of the database in Redis."},
	{Name: "store.redis.prefix", Kind: KindText, Default: "roster",
		Doc: "First part of every key in Redis, so that others can share it."},
	{Name: "store.redis.tls.enabled", Kind: KindBool, Default: false,
		Doc: "Speak TLS to Redis."},
	{Name: "store.redis.tls.ca_file", Kind: KindText, Default: "",
		Doc: "Root that signed the certificate of Redis, PEM. Empty: the roots of the system."},
	{Name: "store.redis.tls.cert_file", Kind: KindText, Default: "",
		Doc: "Client certificate for Redis, PEM. Empty: none."},
	{Name: "store.redis.tls.key_file", Kind: KindText, Default: "",
		Doc: "Key of that certificate, PEM."},
	{Name: "store.redis.tls.server_name", Kind: KindText, Default: "",
		Doc: "Name that the certificate of Redis must have. Empty: the host of the address."},
	{Name: "store.etcd.endpoints", Kind: KindList, Default: []string{"http://127.0.0.1:2379"}, address: true,
		Doc: "Addresses of the members, all http:// or all https://."},
	{Name: "store.etcd.username", Kind: KindText, Default: "",
		Doc: "User of etcd to log in as. Empty: no login."},
	{Name: "store.etcd.password_file", Kind: KindText, Default: "",
		Doc: "File that holds the password for etcd."},
	{Name: "store.etcd.prefix", Kind: KindText, Default: "/roster/",
		Doc: "First part of every key in etcd, so that others can share it. Begins and ends with a slash."},
	{Name: "store.etcd.tls.ca_file", Kind: KindText, Default: "",
		Doc: "Root that signed the certificates of the members, PEM. Empty: the roots of the system."},
	{Name: "store.etcd.tls.cert_file", Kind: KindText, Default: "",
		Doc: "Client certificate for etcd, PEM. Empty: none."},
	{Name: "store.etcd.tls.key_file", Kind: KindText, Default: "",
		Doc: "Key of that certificate, PEM."},
	{Name: "store.etcd.tls.server_name", Kind: KindText, Default: "",
		Doc: "Name that the members' certificates must have. Empty: the host of the endpoint."},

	{Name: "lease.default_ttl", Kind: KindDuration, Default: 30 * time.Second, dev: 15 * time.Second, ancestor: &ancestorTTL,
		Doc: "TTL of an instance that asks for none. It is gone that long after its last heartbeat."},
	{Name: "lease.min_ttl", Kind: KindDuration, Default: defaultMinTTL, ancestor: &ancestorMinTTL,
		Doc: "Least TTL: who asks for less is granted this, and told so."},
	{Name: "lease.max_ttl", Kind: KindDuration, Default: time.Hour,
		Doc: "Greatest TTL: who asks for more is refused."},
	{Name: "lease.sweep_interval", Kind: KindDuration, Default: 5 * time.Second, ancestor: &ancestorSweep,
		Doc: "How often a safety sweep looks for what should be gone. It never delays an eviction."},

	{Name: "auth.token_ttl", Kind: KindDuration, Default: time.Hour, dev: time.Duration(0),
		Doc: "How long an instance's token is good without rotation. 0: for ever."},
	{Name: "auth.rotation_grace", Kind: KindDuration, Default: 30 * time.Second,
		Doc: "How long an expired token may still be rotated."},
	{Name: "auth.identity", Kind: KindList, Default: []string{"uri", "dns"}, OneOf: []string{"uri", "dns", "cn"},
		Doc: "What of a client certificate is its identity: the first of these that it has.\nuri: its one SPIFFE ID; dns: its one DNS name; cn: its common name."},
	{Name: "auth.services", Kind: KindList, Default: []string{},
		Doc: "The services that may be registered at all, patterns with * and ?. Empty: any."},
	{Name: "auth.policies", Kind: KindRules, Default: []PolicyRule{},
		Doc: "Who may do what; allowed is what any rule allows. Empty: everyone with a certificate may register\nand discover, nobody is an admin. In the file only, such as:\n  - {identity: \"spiffe://example.org/orders*\", register: [\"orders\"], discover: [\"*\"], admin: false}\nservices and policies take effect when this file changes; all other keys at the next start."},

	{Name: "limits.requests_per_second", Kind: KindInt, Default: 0,
		Doc: "Requests a second of each identity. 0, here and below: no limit."},
	{Name: "limits.connections", Kind: KindInt, Default: 0,
		Doc: "Open connections of each identity."},
	{Name: "limits.instances", Kind: KindInt, Default: 0,
		Doc: "Registered instances of each identity."},
	{Name: "limits.watchers", Kind: KindInt, Default: 0,
		Doc: "Open watches of each identity."},

	{Name: "log.level", Kind: KindText, Default: "info", OneOf: []string{"debug", "info", "warn", "error"},
		Doc: "Least level that is written: debug, info, warn or error."},
	{Name: "log.format", Kind: KindText, Default: "auto", OneOf: []string{"auto", "text", "json"},
		Doc: "text, json, or auto: text with colour on a terminal, JSON elsewhere."},
}
