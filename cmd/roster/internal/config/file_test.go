package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestBadFiles has the mistakes that people make. FILE stands for the file's path; every
// line of want must be a line of the error.
func TestBadFiles(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "listn: x\n", `FILE:1: unknown key "listn"; the nearest known one is "listen"`},
		{"unknown nested key", "tls:\n  cert_fil: x\n", `FILE:2: unknown key "tls.cert_fil"; the nearest known one is "tls.cert_file"`},
		{"unknown deep key", "store:\n  redis:\n    adresses: [a]\n", `FILE:3: unknown key "store.redis.adresses"; the nearest known one is "store.redis.addresses"`},
		{"unknown section", "tsl:\n  cert_file: x\n", `FILE:1: unknown key "tsl"; the nearest known one is "tls"`},
		{"key of a section at the top", "cert_file: x\n", `FILE:1: unknown key "cert_file"; the nearest known one is "tls.cert_file"`},
		{"key in the wrong section", "auth:\n  default_ttl: 30s\n", `FILE:2: unknown key "auth.default_ttl"; the nearest known one is "lease.default_ttl"`},
		{"capitals", "Listen: \":1\"\n", `FILE:1: unknown key "Listen"; the nearest known one is "listen"`},
		{"dotted key", "tls.cert_file: x\n", `FILE:1: key "tls.cert_file" is written in one: want tls: and below it cert_file:`},
		{"dotted key in a section", "store:\n  redis.db: 1\n", `FILE:2: key "redis.db" is written in one: want store: redis: and below it db:`},
		{"password instead of its file", "store: {redis: {password: hunter2}}\n", `FILE:1: unknown key "store.redis.password"; the nearest known one is "store.redis.password_file", which names a file that holds the password`},
		{"given twice", "listen: \":1\"\nnode: a\nlisten: \":2\"\n", `FILE:3: key "listen" is given twice, first in line 1`},
		{"section twice", "lease: {min_ttl: 1s}\nlease: {max_ttl: 2s}\n", `FILE:2: key "lease" is given twice, first in line 1`},
		{"nested twice", "lease:\n  min_ttl: 1s\n  min_ttl: 2s\n", `FILE:3: lease: key "min_ttl" is given twice, first in line 2`},
		{"section is text", "tls: on\n", `FILE:1: tls: want the keys cert_file, key_file, client_ca_file, crl_file, min_version below it, not text`},
		{"section is a list", "tls:\n  - cert_file\n", `FILE:2: tls: want the keys cert_file, key_file, client_ca_file, crl_file, min_version below it, not a list`},
		{"text is a mapping", "listen: {host: x}\n", `FILE:1: listen: a mapping is wrong: want text`},
		{"text is a list", "listen: [x]\n", `FILE:1: listen: a list is wrong: want text`},
		{"text is a bool", "log: {level: true}\n", `FILE:1: log.level: true is wrong: want text`},
		{"duration without a unit", "lease: {min_ttl: 30}\n", `FILE:1: lease.min_ttl: 30 is wrong: want a number with a unit, such as 30s, 500ms or 1h30m`},
		{"duration in words", "lease: {min_ttl: 1 day}\n", `FILE:1: lease.min_ttl: "1 day" is wrong: want a number with a unit, such as 30s, 500ms or 1h30m`},
		{"duration beyond int64", "lease: {max_ttl: 9999999999h}\n", `FILE:1: lease.max_ttl: "9999999999h" is wrong: want a number with a unit, such as 30s, 500ms or 1h30m`},
		{"number with a fraction", "limits: {instances: 1.5}\n", `FILE:1: limits.instances: 1.5 is wrong: want a whole number`},
		{"number in quotes", "limits: {instances: \"5\"}\n", `FILE:1: limits.instances: "5" is wrong: want a whole number`},
		{"number beyond int64", "limits: {instances: 99999999999999999999}\n", `FILE:1: limits.instances: 99999999999999999999 is wrong: want a whole number`},
		{"bool in words", "admin: {plain: yes}\n", `FILE:1: admin.plain: "yes" is wrong: want true or false`},
		{"list is text", "auth: {identity: uri}\n", `FILE:1: auth.identity: want a list, such as [a, b], not text`},
		{"list of lists", "auth:\n  identity:\n    - uri\n    - [dns]\n", `FILE:4: auth.identity[1]: want text, not a list`},
		{"list with nothing", "auth:\n  identity:\n    -\n", `FILE:3: auth.identity[0]: want text, not nothing`},
		{"no value", "node: a\nlisten:\n", `FILE:2: listen: has no value: want text, or remove the line for the default`},
		{"no list", "auth:\n  policies:\n", `FILE:2: auth.policies: has no value: want a list of rules, such as - {identity: "spiffe://example.org/*", discover: ["*"]}, or remove the line for the default`},
		{"rules are a mapping", "auth: {policies: {identity: x}}\n", `FILE:1: auth.policies: want a list of rules, such as - {identity: "spiffe://example.org/*", discover: ["*"]}, not a mapping`},
		{"rule is text", "auth: {policies: [all]}\n", `FILE:1: auth.policies[0]: want a rule with identity, register, discover and admin, not text`},
		{"unknown key in a rule", "auth:\n  policies:\n    - identity: x\n      registr: [a]\n", `FILE:4: unknown key "auth.policies[0].registr"; the nearest known one is "auth.policies[0].register"`},
		{"key twice in a rule", "auth:\n  policies:\n    - identity: x\n      identity: y\n", `FILE:4: auth.policies[0]: key "identity" is given twice, first in line 3`},
		{"wrong type in a rule", "auth: {policies: [{identity: x, admin: 1, register: orders}]}\n", "FILE:1: auth.policies[0].admin: want true or false, not 1\nFILE:1: auth.policies[0].register: want a list, such as [a, b], not text"},
		{"merge", "a: &a {}\ntls:\n  <<: *a\n", `FILE:3: tls: want plain names as keys, not a merge (<<)`},
		{"key is a list", "? [a]\n: b\n", `FILE:1: want plain names as keys, not a list`},
		{"top is a list", "- listen\n", `FILE:1: want keys and values, such as listen: ":8443", not a list`},
		{"top is text", "listen\n", `FILE:1: want keys and values, such as listen: ":8443", not text`},
		{"second document", "node: a\n---\nnode: b\n", `FILE:2: a second document begins: a configuration is one`},
		{"broken YAML", "tls: {cert_file: x\nnode: a\n", `not YAML: `},
		{"broken further on", "node: a\n---\n{\n", `not YAML: `},
		{"unclosed quote", "node: \"a\n", `not YAML: `},
		{"unknown anchor", "node: *a\n", `FILE: not YAML: unknown anchor 'a' referenced`},
		{"tabs", "tls:\n\tcert_file: x\n", `FILE:2: a tab in the indentation: YAML is indented with spaces`},
		{"binary", "\x7fELF\x02\x01\x00\x00", `FILE: not a text file: a configuration is YAML`},
		{"alias to itself", "tls: &a\n  cert_file: *a\n", `FILE:1: tls.cert_file: a mapping is wrong: want text`},
		{"escape sequences", "\"\\e[2J\": x\n", `FILE:1: unknown key "\x1b[2J"; the nearest known one is `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := write(t, tt.text)
			_, err := Load(Options{File: name, Environ: []string{}})
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.ReplaceAll(err.Error(), name, "FILE")
			for want := range strings.Lines(tt.want) {
				if !strings.Contains(got, strings.TrimSpace(want)) {
					t.Errorf("the error is\n%s\nwant\n%s", got, want)
				}
			}
			if strings.Contains(got, "hunter2") {
				t.Errorf("the error shows a password: %s", got)
			}
		})
	}
}

func TestUnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "none.yaml")
	tests := map[string]string{
		missing: "load configuration: " + missing + " does not exist: name another with --config, or leave --config away to run on defaults, environment and flags",
		dir:     "load configuration: " + dir + " is a directory: name the file in it",
		large:   "load configuration: " + large + " is larger than 1048576 bytes: that is no configuration",
	}
	for name, want := range tests {
		if _, err := Load(Options{File: name, Environ: []string{}}); err == nil || err.Error() != want {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}

func TestGoodFiles(t *testing.T) {
	tests := map[string]struct {
		text  string
		check func(c Config) bool
	}{
		"version without quotes": {"tls: {min_version: 1.2}\n", func(c Config) bool { return c.TLS.MinVersion == "1.2" }},
		"node that is a number":  {"node: 7\n", func(c Config) bool { return c.Node == "7" }},
		"zero without a unit":    {"auth: {token_ttl: 0}\n", func(c Config) bool { return c.Auth.TokenTTL == 0 }},
		"empty text":             {"admin: {listen: \"\"}\n", func(c Config) bool { return c.Admin.Listen == "" }},
		"empty list":             {"auth: {identity: []}\n", func(c Config) bool { return len(c.Auth.Identity) == 0 }},
		"section of comments":    {"node: a\ntls:\n  # cert_file: x\n", func(c Config) bool { return c.TLS == Default().TLS }},
		"JSON":                   {`{"log": {"level": "debug"}, "auth": {"identity": ["cn"]}}`, func(c Config) bool { return c.Log.Level == "debug" && c.Auth.Identity[0] == "cn" }},
		"CR LF and BOM":          {"\ufefflog:\r\n  level: debug\r\n", func(c Config) bool { return c.Log.Level == "debug" }},
		"anchors":                {"store:\n  redis: {addresses: &a [\"r:1\"]}\nauth: {services: *a}\n", func(c Config) bool { return c.Auth.Services[0] == "r:1" }},
		"explicit document":      {"---\nnode: a\n...\n", func(c Config) bool { return c.Node == "a" }},
		"names in a rule": {"auth:\n  policies:\n  - identity: Spiffe://A\n    discover: [\"*\"]\n  - {identity: b, admin: true, register: [B]}\n", func(c Config) bool {
			return reflect.DeepEqual(c.Auth.Policies, []PolicyRule{
				{Identity: "Spiffe://A", Register: []string{}, Discover: []string{"*"}},
				{Identity: "b", Register: []string{"B"}, Discover: []string{}, Admin: true},
			})
		}},
	}
	for name, tt := range tests {
		if l := mustLoad(t, Options{File: write(t, tt.text)}); !tt.check(l.Config) || len(l.Warnings) > 0 {
			t.Errorf("%s: %q loads as %+v with warnings %v", name, tt.text, l.Config, l.Warnings)
		}
	}
	for _, text := range []string{"", "\n", "# nothing\n", "---\n"} {
		l := mustLoad(t, Options{File: write(t, text)})
		if !reflect.DeepEqual(l.Config, Default()) {
			t.Errorf("%q loads as %+v, want the default", text, l.Config)
		}
		if len(l.Warnings) != 1 || !strings.HasSuffix(l.Warnings[0], "sets nothing") {
			t.Errorf("%q: warnings %q, want one that it sets nothing", text, l.Warnings)
		}
	}
}

// FuzzFile reads anything: the answer is settings of known keys with values of their
// types, or errors that name the file.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"", "listen: \":1\"\n", "tls: &a\n  cert_file: *a\n", "auth: {policies: [{identity: x}]}\n", "? [a]\n: b\n",
		"a: &a [*a]\n", "lease: {min_ttl: 1s, min_ttl: 2s}\n", "tls:\n\tx: y\n", "---\n---\n", "<<: {}\n", string(sample()),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, errs := parseFile("FILE", b)
		for _, err := range errs {
			if !strings.HasPrefix(err.Error(), "FILE:") {
				t.Errorf("the error does not name the file: %v", err)
			}
		}
		for name, s := range got {
			k := find(name)
			if k == nil || reflect.TypeOf(s.value) != reflect.TypeOf(k.Default) || s.source.Line < 1 {
				t.Errorf("%s = %T %v from %v", name, s.value, s.value, s.source)
			}
		}
		if len(errs) > 0 {
			return
		}
		l := newLayers(false)
		l.file = got
		c, err := l.merge()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Validate() // must not panic

		// What is printed loads as the same, unless something was masked.
		out := (&Loaded{Config: c, layers: l}).yaml()
		if strings.Contains(out, Masked) {
			return
		}
		again, errs := parseFile("AGAIN", []byte(out))
		if len(errs) > 0 {
			t.Fatalf("what was printed does not load: %v\n%s", errs, out)
		}
		l2 := newLayers(false)
		l2.file = again
		if c2, err := l2.merge(); err != nil || !reflect.DeepEqual(c2, c) {
			t.Errorf("printed and loaded again: %+v, %v\nwant %+v\n%s", c2, err, c, out)
		}
	})
}
