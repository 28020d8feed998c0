package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestUnknownVariables(t *testing.T) {
	tests := map[string]string{ // the error, "warning", or "" for none
		"ROSTER_LISEN":                   "ROSTER_LISEN: no such key; the nearest known variable is ROSTER_LISTEN",
		"ROSTER_TLS_CERT":                "ROSTER_TLS_CERT: no such key; the nearest known variable is ROSTER_TLS_CERT_FILE",
		"ROSTER_LEASE_TTL":               "ROSTER_LEASE_TTL: no such key; the nearest known variable is ROSTER_LEASE_MIN_TTL",
		"ROSTER_STORE_REDIS_PASSWORD":    "ROSTER_STORE_REDIS_PASSWORD: no such key; the nearest known variable is ROSTER_STORE_REDIS_PASSWORD_FILE",
		"ROSTER_AUTH_POLICIES":           "ROSTER_AUTH_POLICIES: auth.policies can be set in the file only",
		"ROSTER_STORE":                   "warning",
		"ROSTER_HOME_DIRECTORY":          "warning",
		"ROSTER_":                        "warning",
		"ROSTER_ADDRESS":                 "", // of the command line
		"ROSTER_TOKEN":                   "",
		"ROSTER_SERVICE_HOST":            "", // of a Kubernetes Service called roster
		"ROSTER_SERVICE_PORT":            "",
		"ROSTER_SERVICE_PORT_HTTPS":      "",
		"ROSTER_PORT":                    "",
		"ROSTER_PORT_8443_TCP":           "",
		"ROSTER_PORT_8443_TCP_ADDR":      "",
		"ROSTER_ADMIN_SERVICE_HOST":      "", // and of one called roster-admin
		"ROSTER_ADMIN_PORT_8444_TCP":     "",
		"ROSTER_STORE_REDIS_PORT_X":      "ROSTER_STORE_REDIS_PORT_X: no such key; the nearest known variable is ROSTER_STORE_REDIS_PREFIX",
		"roster_listn":                   "", // not ours: names of variables have a case
		"PATH":                           "",
		"ROSTERLISTEN":                   "",
		"ROSTER_LIMITS_INSTANCES_PER_ID": "ROSTER_LIMITS_INSTANCES_PER_ID: no such key; the nearest known variable is ROSTER_LIMITS_INSTANCES",
	}
	for name, want := range tests {
		l, err := Load(Options{Environ: []string{name + "=hunter2"}})
		switch want {
		case "":
			if err != nil || len(l.Warnings) > 0 {
				t.Errorf("%s: error %v, want none", name, err)
			}
		case "warning":
			if err != nil || len(l.Warnings) != 1 || !strings.Contains(l.Warnings[0], name+" ") {
				t.Errorf("%s: error %v, loaded %+v, want one warning", name, err, l)
			}
		default:
			if err == nil || err.Error() != "load configuration: "+want {
				t.Errorf("%s: error %v\nwant %s", name, err, want)
			}
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the value: %v", name, err)
		}
	}
}

// TestServiceLinksAreNoKeys would fail with a key that Kubernetes could set by accident.
func TestServiceLinksAreNoKeys(t *testing.T) {
	for _, k := range Keys() {
		if serviceLink.MatchString(k.Env()) || notKeys[k.Env()] {
			t.Errorf("%s is also the name of something else", k.Env())
		}
	}
}

func TestEmptyVariable(t *testing.T) {
	l := mustLoad(t, Options{Environ: []string{"ROSTER_LISTEN=", "PORT=", "ROSTER_LIMITS_INSTANCES=", "ROSTER_LISEN=", "=odd", "odd"}})
	if !reflect.DeepEqual(l.Config, Default()) {
		t.Errorf("an empty variable does not count as not set: %+v", l.Config)
	}
}

func TestLists(t *testing.T) {
	tests := map[string][]string{
		"a":               {"a"},
		"a,b":             {"a", "b"},
		" a , b ":         {"a", "b"},
		`"a,b",c`:         {"a,b", "c"},
		"a,":              {"a", ""}, // Validate says that the empty one is wrong
		" ":               {},
		"svc-*,orders-??": {"svc-*", "orders-??"},
	}
	for text, want := range tests {
		l := mustLoad(t, Options{Environ: []string{"ROSTER_AUTH_SERVICES=" + text}})
		if got := l.Config.Auth.Services; !slices.Equal(got, want) {
			t.Errorf("%q reads as %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{`"a`, "a\nb", `a"b`} {
		if _, err := Load(Options{Environ: []string{"ROSTER_AUTH_SERVICES=" + text}}); err == nil {
			t.Errorf("%q is no list", text)
		}
	}
}

func TestBools(t *testing.T) {
	for text, want := range map[string]any{"true": true, "TRUE": true, "1": true, "false": false, "0": false, "yes": nil, "t": nil, "2": nil} {
		if got, err := KindBool.parse(text); got != want || (err == nil) != (want != nil) {
			t.Errorf("%q reads as %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestAncestors(t *testing.T) {
	type want map[string]any // by key; the default for every other
	tests := []struct {
		name    string
		dev     bool
		environ []string
		want    want
		from    map[string]string
	}{
		{"port", false, []string{"PORT=9000"}, want{"listen": ":9000"}, map[string]string{"listen": "PORT"}},
		{"own variable wins", false, []string{"PORT=nonsense", "ROSTER_LISTEN=:1"}, want{"listen": ":1"}, map[string]string{"listen": "ROSTER_LISTEN"}},
		{"directory", false, []string{"TLS_CERT_DIR=/pki"},
			want{"tls.cert_file": "/pki/server.crt", "tls.key_file": "/pki/server-key.pem", "tls.client_ca_file": "/pki/ca.crt"},
			map[string]string{"tls.key_file": "TLS_CERT_DIR"}},
		{"directory and files", false, []string{"TLS_CERT_DIR=pki/", "TLS_CERT_FILE=a.crt", "TLS_KEY_FILE=/abs/a.key", "TLS_CA_FILE=sub/ca.pem"},
			want{"tls.cert_file": "pki/a.crt", "tls.key_file": "/abs/a.key", "tls.client_ca_file": "pki/sub/ca.pem"},
			map[string]string{"tls.cert_file": "TLS_CERT_DIR + TLS_CERT_FILE", "tls.key_file": "TLS_KEY_FILE"}},
		{"file alone", false, []string{"TLS_KEY_FILE=./a.key"}, want{"tls.key_file": "./a.key"}, map[string]string{"tls.cert_file": "default"}},
		{"sweep", false, []string{"CLEANUP_SERVICE_INTERVAL_MS=1500"}, want{"lease.sweep_interval": 1500 * time.Millisecond}, nil},
		{"ttl is for dev", false, []string{"SVC_TTL=20000"}, want{}, nil},
		{"ttl", true, []string{"SVC_TTL=20000"}, want{"lease.default_ttl": 20 * time.Second}, map[string]string{"lease.default_ttl": "SVC_TTL", "lease.min_ttl": "default"}},
		{"short ttl lowers the minimum", true, []string{"SVC_TTL=300"},
			want{"lease.default_ttl": 300 * time.Millisecond, "lease.min_ttl": 300 * time.Millisecond}, map[string]string{"lease.min_ttl": "SVC_TTL"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := mustLoad(t, Options{Dev: tt.dev, Environ: tt.environ})
			for _, k := range Keys() {
				want, ok := tt.want[k.Name]
				if !ok {
					want = k.defaultFor(tt.dev)
				}
				if got := l.layers.setting(&k).value; !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v, want %v", k.Name, got, want)
				}
			}
			for key, from := range tt.from {
				if got := l.Source(key).String(); got != from {
					t.Errorf("%s is from %s, want %s", key, got, from)
				}
			}
			if err := l.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
	beats := mustLoad(t, Options{Environ: []string{"PORT=1"}, File: write(t, "listen: \":2\"\n")})
	if beats.Config.Listen != ":1" {
		t.Errorf("listen is %q: PORT must win over the file", beats.Config.Listen)
	}
}

func TestBadAncestors(t *testing.T) {
	for _, e := range []string{
		"PORT=0", "PORT=65536", "PORT=-1", "PORT=+1", "PORT=http", "PORT=:80", "PORT=1.5",
		"CLEANUP_SERVICE_INTERVAL_MS=0", "CLEANUP_SERVICE_INTERVAL_MS=5s", "CLEANUP_SERVICE_INTERVAL_MS=99999999999999999",
		"SVC_TTL=0", "SVC_TTL=-5", "SVC_TTL=9223372036854775807", "SVC_TTL=1e3",
	} {
		name, value, _ := strings.Cut(e, "=")
		_, err := Load(Options{Environ: []string{e}, Dev: name == "SVC_TTL"})
		if err == nil || !strings.Contains(err.Error(), name+": ") || !strings.Contains(err.Error(), `"`+value+`" is wrong: want a `) {
			t.Errorf("%s: error %v, want one that names variable and value", e, err)
		}
	}
}
