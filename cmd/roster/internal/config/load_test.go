package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// write makes a file of the text and gives its path.
func write(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "roster.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// flagSet parses the arguments as roster serve would.
func flagSet(t testing.TB, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	BindServeFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

func mustLoad(t testing.TB, o Options) *Loaded {
	t.Helper()
	if o.Environ == nil {
		o.Environ = []string{}
	}
	l, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// inFile writes one key as it stands in a file.
func inFile(name string, v any) string {
	var b strings.Builder
	parts := strings.Split(name, ".")
	for i, p := range parts {
		b.WriteString(strings.Repeat("  ", i) + p + ":")
		if i < len(parts)-1 {
			b.WriteByte('\n')
		}
	}
	b.WriteString(" " + strings.Join(yamlLines(v), "\n"+strings.Repeat("  ", len(parts))) + "\n")
	return b.String()
}

// TestPrecedence gives each key a value in every layer, adding one layer after the other.
func TestPrecedence(t *testing.T) {
	values := map[Kind][]any{
		KindText: {"a", "b", "c"}, KindInt: {1, 2, 3}, KindBool: {true, false, true},
		KindDuration: {time.Second, time.Minute, 90 * time.Minute},
		KindList:     {[]string{"a"}, []string{"b", "c"}, []string{"d", "e"}},
	}
	for _, k := range Keys() {
		if k.Kind == KindRules {
			continue
		}
		v := values[k.Kind]
		o := Options{Environ: []string{"UNRELATED=1"}}
		check := func(want any, source Source) {
			t.Helper()
			l := mustLoad(t, o)
			got := l.layers.setting(&k)
			if !reflect.DeepEqual(got.value, want) || l.Source(k.Name) != source {
				t.Errorf("%s is %v from %v, want %v from %v", k.Name, got.value, got.source, want, source)
			}
			// What is printed and what the struct holds must not part.
			c, err := newLayers(false, settings{k.Name: {value: want}}).merge()
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(l.Config, c) {
				t.Errorf("%s from %v: the struct is %+v, want %+v", k.Name, source, l.Config, c)
			}
		}
		check(k.Default, Source{Layer: FromDefault})
		o.File = write(t, "# first line\n"+inFile(k.Name, v[0]))
		check(v[0], Source{FromFile, o.File, 2 + strings.Count(k.Name, ".")})
		o.Environ = append(o.Environ, k.Env()+"="+format(v[1]))
		check(v[1], Source{FromEnvironment, k.Env(), 0})
		o.Flags = flagSet(t, "--"+k.Flag()+"="+format(v[2]))
		check(v[2], Source{FromFlag, k.Flag(), 0})
	}
}

func TestFlagNotGiven(t *testing.T) {
	l := mustLoad(t, Options{File: write(t, "listen: \":1\"\n"), Flags: flagSet(t)})
	if l.Config.Listen != ":1" {
		t.Errorf("a flag that was not given beats the file: listen is %q", l.Config.Listen)
	}
}

// TestBesideEachOther sees that a key from one layer leaves its neighbours to others.
func TestBesideEachOther(t *testing.T) {
	l := mustLoad(t, Options{
		File:    write(t, "lease:\n  min_ttl: 3s\n  max_ttl: 5m\nstore: {redis: {db: 3}}\n"),
		Environ: []string{"ROSTER_LEASE_MAX_TTL=10m", "ROSTER_STORE_REDIS_PREFIX=x"},
		Flags:   flagSet(t, "--lease-default-ttl", "4s"),
	})
	want := Lease{DefaultTTL: 4 * time.Second, MinTTL: 3 * time.Second, MaxTTL: 10 * time.Minute, SweepInterval: 5 * time.Second}
	if l.Config.Lease != want {
		t.Errorf("lease is %+v, want %+v", l.Config.Lease, want)
	}
	if r := l.Config.Store.Redis; r.DB != 3 || r.Prefix != "x" || r.Addresses[0] != "127.0.0.1:6379" {
		t.Errorf("redis is %+v", r)
	}
}

func TestDev(t *testing.T) {
	l := mustLoad(t, Options{Dev: true, Environ: []string{"PORT=3000", "TLS_CERT_DIR=/x"}})
	if !reflect.DeepEqual(l.Config, DevDefault()) {
		t.Errorf("in dev PORT belongs to the program being developed: %+v", l.Config)
	}
	if err := l.Validate(); err != nil {
		t.Errorf("the defaults of dev are not valid: %v", err)
	}
}

// TestProcessEnvironment is what happens without Environ.
func TestProcessEnvironment(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("ROSTER_LOG_LEVEL", "debug")
	l, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if l.Config.Log.Level != "debug" {
		t.Errorf("the level is %q, want that of the process's environment", l.Config.Log.Level)
	}
}

// TestAllAtOnce has a mistake in every layer.
func TestAllAtOnce(t *testing.T) {
	name := write(t, "lisen: \":1\"\nlease: {min_ttl: soon}\n")
	fs := pflag.NewFlagSet("other", pflag.ContinueOnError)
	fs.String("limits-instances", "", "another command's flag of this name")
	if err := fs.Parse([]string{"--limits-instances=many"}); err != nil {
		t.Fatal(err)
	}
	l, err := Load(Options{File: name, Flags: fs, Environ: []string{"ROSTER_ADMIN_PLAIN=perhaps", "ROSTER_LOG_LEVL=debug", "PORT=http"}})
	var problems *Problems
	if !errors.As(err, &problems) || l != nil {
		t.Fatalf("Load gave %v and error %v, want *Problems", l, err)
	}
	want := []string{
		name + `:1: unknown key "lisen"; the nearest known one is "listen"`,
		name + `:2: lease.min_ttl: "soon" is wrong: want a number with a unit, such as 30s, 500ms or 1h30m`,
		`ROSTER_ADMIN_PLAIN: admin.plain: "perhaps" is wrong: want true or false`,
		`ROSTER_LOG_LEVL: no such key; the nearest known variable is ROSTER_LOG_LEVEL`,
		`PORT: listen: "http" is wrong: want a port, 1 to 65535`,
		`--limits-instances: limits.instances: "many" is wrong: want a whole number`,
	}
	text := fmt.Sprintf("load configuration: %d problems:\n  %s", len(want), strings.Join(want, "\n  "))
	if err.Error() != text {
		t.Errorf("the error is\n%s\nwant\n%s", err, text)
	}
	if len(problems.Unwrap()) != len(want) {
		t.Errorf("%d problems, want %d", len(problems.Unwrap()), len(want))
	}
}
