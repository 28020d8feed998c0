package config

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

func printed(t testing.TB, l *Loaded, format string) string {
	t.Helper()
	var b bytes.Buffer
	if err := l.Print(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// mixed is a configuration with a value from every kind of place.
func mixed(t testing.TB) (*Loaded, string) {
	t.Helper()
	name := write(t, `listen: "[::1]:8443"
auth:
  services: [orders, "on", "a b"]
  policies:
    - {identity: "spiffe://example.org/*", register: [orders], discover: ["*"]}
    - {identity: ops, admin: true}
store:
  etcd: {endpoints: ["http://me:p@ss/word@a:2379"]}
`)
	return mustLoad(t, Options{
		File: name, Flags: flagSet(t, "--log-level=debug"),
		Environ: []string{"ROSTER_LEASE_MAX_TTL=90m", "TLS_CERT_DIR=/pki", "TLS_KEY_FILE=k.pem", "ROSTER_STORE_REDIS_ADDRESSES=me:secret@r:1,r:2"},
	}), name
}

func TestPrintGolden(t *testing.T) {
	l, name := mixed(t)
	for _, format := range []string{FormatYAML, FormatTable, FormatJSON} {
		got := strings.ReplaceAll(printed(t, l, format), name, "FILE")
		golden := "testdata/print." + format + ".golden"
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", format, got, want)
		}
		if again := strings.ReplaceAll(printed(t, l, format), name, "FILE"); again != got {
			t.Errorf("%s: printed twice, two results", format)
		}
		for _, secret := range []string{"p@ss", "word", "me:p", "me:s", "secret"} {
			if strings.Contains(strings.ReplaceAll(got, "password", ""), secret) {
				t.Errorf("%s shows %q", format, secret)
			}
		}
	}
}

// TestPrintedYAMLLoads loads what was printed: the same values.
func TestPrintedYAMLLoads(t *testing.T) {
	l := mustLoad(t, Options{
		File: write(t, "auth:\n  policies: [{identity: \"a \\\" # b\", discover: [\"*\"]}, {identity: \"null\", admin: true}]\n"+
			"node: \"#:{}[]\"\nlog: {level: \"\\e\\tü\\\\\"}\n"),
		Flags:   flagSet(t, "--auth-services=true,12,- a,'x'", "--lease-max-ttl=1h0m5s", "--admin-listen="),
		Environ: []string{"ROSTER_STORE_REDIS_TLS_SERVER_NAME=~"},
	})
	again := mustLoad(t, Options{File: write(t, printed(t, l, ""))})
	if !reflect.DeepEqual(again.Config, l.Config) {
		t.Errorf("printed and loaded again: %+v\nwant %+v\n%s", again.Config, l.Config, printed(t, l, ""))
	}
}

func TestPrintJSON(t *testing.T) {
	l, name := mixed(t)
	var entries []struct {
		Key         string
		Value       any
		Layer, From string
	}
	if err := json.Unmarshal([]byte(printed(t, l, FormatJSON)), &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(Keys()) {
		t.Fatalf("%d entries for %d keys", len(entries), len(Keys()))
	}
	want := map[string][3]any{
		"listen":          {"[::1]:8443", "file", name + ":1"},
		"lease.max_ttl":   {"1h30m", "environment", "ROSTER_LEASE_MAX_TTL"},
		"tls.key_file":    {"/pki/k.pem", "ancestor", "TLS_CERT_DIR + TLS_KEY_FILE"},
		"log.level":       {"debug", "flag", "--log-level"},
		"store.redis.db":  {0.0, "default", "default"},
		"admin.plain":     {false, "default", "default"},
		"tls.min_version": {"1.3", "default", "default"},
	}
	for i, e := range entries {
		if e.Key != Keys()[i].Name {
			t.Errorf("entry %d is %s, want the order of the table", i, e.Key)
		}
		if w, ok := want[e.Key]; ok && (e.Value != w[0] || e.Layer != w[1] || e.From != w[2]) {
			t.Errorf("%s: %v %s %s, want %v", e.Key, e.Value, e.Layer, e.From, w)
		}
	}
}

func TestPrintFails(t *testing.T) {
	l := mustLoad(t, Options{})
	if err := l.Print(&bytes.Buffer{}, "xml"); err == nil || !strings.Contains(err.Error(), `"xml" is not known: want yaml, table or json`) {
		t.Errorf("error %v, want one that names the formats", err)
	}
	for _, format := range []string{FormatYAML, FormatTable, FormatJSON} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skipf("no device that is always full: %v", err)
		}
		if err := l.Print(full, format); err == nil || !strings.HasPrefix(err.Error(), "print configuration: ") {
			t.Errorf("%s to a full disk: error %v", format, err)
		}
		full.Close()
	}
}

func TestMask(t *testing.T) {
	text, address := &Key{Name: "a.text"}, &Key{Name: "a.addresses", address: true}
	tests := []struct {
		key        *Key
		value, out string
	}{
		{&Key{Name: "store.x.password"}, "hunter2", Masked},
		{&Key{Name: "store.x.password"}, "", ""},
		{&Key{Name: "store.x.api_token"}, "hunter2", Masked},
		{&Key{Name: "client_secret"}, "hunter2", Masked},
		{&Key{Name: "store.x.password_file"}, "/run/secrets/x", "/run/secrets/x"},
		{&Key{Name: "auth.token_ttl"}, "1h", "1h"},
		{text, "spiffe://example.org/a", "spiffe://example.org/a"},
		{text, "https://u:p@h/x", "https://[masked]@h/x"},
		{text, "ops@example.org", "ops@example.org"},
		{address, "u:p@h:1", "[masked]@h:1"},
		{address, "http://u:p@q/r@h:1", "http://[masked]@h:1"},
		{address, "h:1?password=x", "h:1?[masked]"},
		{address, "http://h:1", "http://h:1"},
	}
	for _, tt := range tests {
		if got := mask(tt.key, tt.value); got != tt.out {
			t.Errorf("mask(%s, %q) = %q, want %q", tt.key.Name, tt.value, got, tt.out)
		}
	}
}
