package config

import "testing"

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"listen", "listen", 0}, {"lisen", "listen", 1}, {"lsiten", "listen", 1},
		{"kitten", "sitting", 3}, {"tls", "tsl", 1}, {"abc", "", 3}, {"ca", "abc", 3},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	tests := map[string]string{
		"store.redis.tls.cafile": "store.redis.tls.ca_file",
		"redis":                  "store.redis",
		"store.etcd.db":          "store.redis.db",
		"lease.minttl":           "lease.min_ttl",
		"logs.level":             "log.level",
		"level":                  "log.level",
		"limits.instance":        "limits.instances",
		"shutdown-timeout":       "shutdown_timeout",
		"tls.ca_file":            "tls.crl_file",
	}
	for name, want := range tests {
		if got := nearest(name, namesBelow("")); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
}
