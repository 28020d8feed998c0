package config

import "time"

// Config is the configuration of a node. Field comments give units and special values;
// the keys table has the text for operators.
type Config struct {
	Node            string        `mapstructure:"node"` // empty: see [NodeName]
	Listen          string        `mapstructure:"listen"`
	ShutdownTimeout time.Duration `mapstructure:"shutdown_timeout"`
	TLS             TLS           `mapstructure:"tls"`
	Admin           Admin         `mapstructure:"admin"`
	Store           Store         `mapstructure:"store"`
	Lease           Lease         `mapstructure:"lease"`
	Auth            Auth          `mapstructure:"auth"`
	Checks          Checks        `mapstructure:"checks"`
	Limits          Limits        `mapstructure:"limits"`
	Log             Log           `mapstructure:"log"`
}

// TLS names the files of the listener's mutual TLS. An empty CertFile is no TLS.
type TLS struct {
	CertFile     string `mapstructure:"cert_file"`
	KeyFile      string `mapstructure:"key_file"`
	ClientCAFile string `mapstructure:"client_ca_file"`
	CRLFile      string `mapstructure:"crl_file"`    // empty: no revocation list
	MinVersion   string `mapstructure:"min_version"` // "1.2" or "1.3"
}

// Admin is the listener for metrics, health and readiness.
type Admin struct {
	Listen string `mapstructure:"listen"` // empty: no such listener
	Plain  bool   `mapstructure:"plain"`  // no TLS off loopback either
}

// The backends of Store.Backend.
const (
	Memory = "memory"
	Redis  = "redis"
	Etcd   = "etcd"
)

// Store chooses the backend. Only the section of the chosen one has an effect.
type Store struct {
	Backend string      `mapstructure:"backend"` // Memory, Redis or Etcd
	Memory  MemoryStore `mapstructure:"memory"`
	Redis   RedisStore  `mapstructure:"redis"`
	Etcd    EtcdStore   `mapstructure:"etcd"`
}

// MemoryStore configures the backend Memory.
type MemoryStore struct {
	StateFile string `mapstructure:"state_file"` // empty: nothing survives a restart
}

// RedisStore configures the backend Redis.
type RedisStore struct {
	Addresses    []string `mapstructure:"addresses"` // host:port
	Username     string   `mapstructure:"username"`
	PasswordFile string   `mapstructure:"password_file"`
	DB           int      `mapstructure:"db"`
	Prefix       string   `mapstructure:"prefix"` // without a separator at its end
	TLS          RedisTLS `mapstructure:"tls"`
}

// RedisTLS is the TLS of connections to Redis.
type RedisTLS struct {
	Enabled    bool `mapstructure:"enabled"`
	BackendTLS `mapstructure:",squash"`
}

// EtcdStore configures the backend Etcd.
type EtcdStore struct {
	Endpoints    []string   `mapstructure:"endpoints"` // http:// or https://, all alike
	Username     string     `mapstructure:"username"`
	PasswordFile string     `mapstructure:"password_file"`
	Prefix       string     `mapstructure:"prefix"` // begins and ends with a slash
	TLS          BackendTLS `mapstructure:"tls"`    // for https:// endpoints
}

// BackendTLS is the TLS of connections to a backend.
type BackendTLS struct {
	CAFile     string `mapstructure:"ca_file"`     // empty: the system's roots
	CertFile   string `mapstructure:"cert_file"`   // with KeyFile: a client certificate
	KeyFile    string `mapstructure:"key_file"`    // of CertFile
	ServerName string `mapstructure:"server_name"` // empty: the host of the address
}

// Lease bounds the TTLs that clients are granted. All are whole milliseconds.
type Lease struct {
	DefaultTTL    time.Duration `mapstructure:"default_ttl"`
	MinTTL        time.Duration `mapstructure:"min_ttl"`
	MaxTTL        time.Duration `mapstructure:"max_ttl"`
	SweepInterval time.Duration `mapstructure:"sweep_interval"`
}

// Auth configures tokens, identities and policies.
type Auth struct {
	TokenTTL      time.Duration `mapstructure:"token_ttl"`      // 0: tokens do not expire
	RotationGrace time.Duration `mapstructure:"rotation_grace"` // 0: an expired token rotates no more
	Identity      []string      `mapstructure:"identity"`       // uri, dns, cn, in order of preference
	Services      []string      `mapstructure:"services"`       // patterns; empty: any
	Policies      []PolicyRule  `mapstructure:"policies"`       // empty: see package auth
}

// PolicyRule allows something to the identities that its pattern covers.
type PolicyRule struct {
	Identity string   `mapstructure:"identity" json:"identity"`
	Register []string `mapstructure:"register" json:"register"`
	Discover []string `mapstructure:"discover" json:"discover"`
	Admin    bool     `mapstructure:"admin" json:"admin"`
	// CheckCIDRs are the networks in which instances of the services under Register are checked;
	// empty: any that may be checked at all.
	CheckCIDRs []string `mapstructure:"check_cidrs" json:"check_cidrs,omitempty"`
}

// Checks configures how nodes look whether instances can be reached.
type Checks struct {
	Enabled        bool          `mapstructure:"enabled"`
	MinInterval    time.Duration `mapstructure:"min_interval"`
	PerAddress     int           `mapstructure:"per_address"`     // checks a second to one address
	PanicThreshold int           `mapstructure:"panic_threshold"` // of a hundred; 100: never
	CAFile         string        `mapstructure:"ca_file"`         // empty: the system's roots
	CertFile       string        `mapstructure:"cert_file"`       // with KeyFile: a client certificate
	KeyFile        string        `mapstructure:"key_file"`
}

// Limits are quotas for each identity, and for each address; 0 is none.
type Limits struct {
	RequestsPerSecond int `mapstructure:"requests_per_second"`
	Connections       int `mapstructure:"connections"`
	Instances         int `mapstructure:"instances"`
	Watchers          int `mapstructure:"watchers"`

	AddressConnections       int `mapstructure:"address_connections"`
	AddressConnectsPerSecond int `mapstructure:"address_connects_per_second"`
}

// Log configures the log; see package logging.
type Log struct {
	Level  string `mapstructure:"level"`
	Format string `mapstructure:"format"`
	Audit  string `mapstructure:"audit"` // a file, or "stderr"; empty: no audit log
}

// Default is the configuration of roster serve where nothing is configured.
func Default() Config { return defaults(false) }

// DevDefault is the configuration of roster dev where nothing is configured: a random
// free port on loopback, no admin listener, no TLS, tokens that do not expire.
func DevDefault() Config { return defaults(true) }

func defaults(dev bool) Config {
	c, err := newLayers(dev).merge()
	if err != nil {
		panic(err) // the table and the structs disagree: every test of the package fails
	}
	return c
}
