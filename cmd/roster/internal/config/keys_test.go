package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	kinds := map[Kind]any{KindText: "", KindInt: 0, KindBool: false, KindDuration: time.Duration(0),
		KindList: []string{}, KindRules: []PolicyRule{}}
	names, envs, flags := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, k := range Keys() {
		if names[k.Name] || section(k.Name) || k.Name != strings.ToLower(k.Name) {
			t.Errorf("%s: given twice, also a section, or not in lower case", k.Name)
		}
		if envs[k.Env()] || flags[k.Flag()] {
			t.Errorf("%s: another key has its variable %s or flag %s", k.Name, k.Env(), k.Flag())
		}
		names[k.Name], envs[k.Env()], flags[k.Flag()] = true, true, true
		for _, d := range []any{k.Default, k.defaultFor(true)} {
			if want := reflect.TypeOf(kinds[k.Kind]); reflect.TypeOf(d) != want {
				t.Errorf("%s: default of type %T, want %v", k.Name, d, want)
			}
		}
		if s, ok := k.Default.(string); ok && k.OneOf != nil && !slices.Contains(k.OneOf, s) {
			t.Errorf("%s: default %q is not allowed", k.Name, s)
		}
		if !strings.HasSuffix(k.Doc, ".") && k.Kind != KindRules {
			t.Errorf("%s: the text is no sentence: %q", k.Name, k.Doc)
		}
		if strings.HasSuffix(k.Name, "password") {
			t.Errorf("%s: a password in the configuration: want a file of it", k.Name)
		}
		if k.Kind != KindRules {
			if v, err := k.Kind.parse(format(k.Default)); err != nil || !reflect.DeepEqual(v, k.Default) {
				t.Errorf("%s: the default %v reads as %v, %v", k.Name, k.Default, v, err)
			}
		}
	}
	if n := len(namesBelow("")); n < len(names) {
		t.Errorf("%d names below the top for %d keys", n, len(names))
	}
}

// TestDefaults spells out what other parts of the program and its documents rely on.
func TestDefaults(t *testing.T) {
	want := Config{
		Listen: ":8443", ShutdownTimeout: 10 * time.Second,
		TLS:   TLS{CertFile: "certs/server.crt", KeyFile: "certs/server-key.pem", ClientCAFile: "certs/ca.crt", MinVersion: "1.3"},
		Admin: Admin{Listen: "127.0.0.1:8444"},
		Store: Store{
			Backend: "memory",
			Redis:   RedisStore{Addresses: []string{"127.0.0.1:6379"}, Prefix: "roster"},
			Etcd:    EtcdStore{Endpoints: []string{"http://127.0.0.1:2379"}, Prefix: "/roster/"},
		},
		Lease: Lease{DefaultTTL: 30 * time.Second, MinTTL: 2 * time.Second, MaxTTL: time.Hour, SweepInterval: 5 * time.Second},
		Auth: Auth{TokenTTL: time.Hour, RotationGrace: 30 * time.Second, Identity: []string{"uri", "dns"},
			Services: []string{}, Policies: []PolicyRule{}},
		Checks: Checks{Enabled: true, MinInterval: time.Second, PerAddress: 20, PanicThreshold: 80},
		Log:    Log{Level: "info", Format: "auto"},
	}
	if got := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("Default() = %+v\nwant %+v", got, want)
	}
	want.Listen, want.Admin.Listen, want.TLS = "127.0.0.1:0", "", TLS{MinVersion: "1.3"}
	want.Lease.DefaultTTL, want.Auth.TokenTTL = 15*time.Second, 0
	if got := DevDefault(); !reflect.DeepEqual(got, want) {
		t.Errorf("DevDefault() = %+v\nwant %+v", got, want)
	}
}

// TestDefaultsAreNotShared changes one configuration and looks at the next.
func TestDefaultsAreNotShared(t *testing.T) {
	c := Default()
	c.Auth.Identity[0], c.Store.Redis.Addresses[0] = "changed", "changed"
	if d := Default(); d.Auth.Identity[0] != "uri" || d.Store.Redis.Addresses[0] == "changed" {
		t.Errorf("a change of one configuration reached the defaults: %v, %v", d.Auth.Identity, d.Store.Redis.Addresses)
	}
}

// TestEveryKeySetsOneField sets each key alone and sees that exactly one field changed.
func TestEveryKeySetsOneField(t *testing.T) {
	for _, k := range Keys() {
		l := newLayers(false, settings{k.Name: {value: other(&k)}})
		c, err := l.merge()
		if err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		if n := differences(reflect.ValueOf(c), reflect.ValueOf(Default())); n != 1 {
			t.Errorf("%s changes %d fields, want 1", k.Name, n)
		}
	}
}

// other is a value of the key that is not its default.
func other(k *Key) any {
	switch k.Kind {
	case KindInt:
		return 7
	case KindBool:
		return k.Default != true
	case KindDuration:
		return 90 * time.Minute
	case KindList:
		return []string{"first", "second, with a comma"}
	case KindRules:
		return []PolicyRule{{Identity: "spiffe://example.org/*", Register: []string{"orders"}, Discover: []string{}, Admin: true}}
	}
	return "other"
}

// differences counts the fields in which two structs differ, structs within counted by theirs.
func differences(a, b reflect.Value) int {
	if a.Kind() != reflect.Struct {
		if reflect.DeepEqual(a.Interface(), b.Interface()) {
			return 0
		}
		return 1
	}
	n := 0
	for i := range a.NumField() {
		n += differences(a.Field(i), b.Field(i))
	}
	return n
}
