package config

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// run executes roster config with the arguments, under a root that has flags of its own
// with the same names, as the program's has.
func run(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	root := &cobra.Command{Use: "roster", SilenceErrors: true}
	root.PersistentFlags().StringP("output", "o", "table", "table, json or yaml")
	root.PersistentFlags().String("cert", "", "client certificate")
	root.AddCommand(NewCommand())
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs(append([]string{"config"}, args...))
	err = root.Execute()
	return out.String(), errs.String(), err
}

// clearEnvironment takes out what the tests themselves may have been started with.
func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, "TLS_C") || strings.HasPrefix(name, "TLS_K") ||
			name == "PORT" || name == "CLEANUP_SERVICE_INTERVAL_MS" {
			t.Setenv(name, "")
		}
	}
}

func TestPrintCommand(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("ROSTER_LOG_LEVEL", "debug")
	name := write(t, "listen: \":1\"\n")
	out, _, err := run(t, "print", "--config", name, "--backend", "mysql", "-o", "table")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"KEY ", `":1" `, name + ":1", "ROSTER_LOG_LEVEL", "--backend"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if out, _, err = run(t, "print"); err != nil || !strings.HasPrefix(out, "node: ") {
		t.Errorf("without -o: %v, want YAML, not\n%s", err, out)
	}
	for _, args := range [][]string{{"print", "-o", "xml"}, {"print", "--config", name + "x"}, {"print", "extra"}, {"print", "--nonsense"}} {
		if out, stderr, err := run(t, args...); err == nil || out != "" || strings.Contains(stderr, "Usage:") {
			t.Errorf("%v: error %v, wrote %q and %q; want an error alone", args, err, out, stderr)
		}
	}
}

func TestValidateCommand(t *testing.T) {
	clearEnvironment(t)
	good := write(t, "log: {level: debug}\n")
	t.Setenv("ROSTER_SOMETHING_ELSE", "1")
	out, stderr, err := run(t, "validate", "--config", good, "--listen=:1")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("ok: %d keys: 1 from %s, 0 from the environment, 1 from flags, %d defaults\n", len(Keys()), good, len(Keys())-2)
	if out != want {
		t.Errorf("stdout is %q, want %q", out, want)
	}
	for _, want := range []string{"warning: the environment variable ROSTER_SOMETHING_ELSE ", "warning: tls.cert_file: certs/server.crt does not exist"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing in\n%s", want, stderr)
		}
	}
	if out, _, err = run(t, "validate"); err != nil || !strings.Contains(out, " keys: no file, ") {
		t.Errorf("without a file: %q, %v", out, err)
	}

	bad := write(t, "lease: {min_ttl: 2h}\nlog: {level: loud}\n")
	out, _, err = run(t, "validate", "--config", bad, "--files")
	if err == nil || out != "" {
		t.Fatalf("a bad file: stdout %q, error %v", out, err)
	}
	for _, want := range []string{
		"validate configuration: 6 problems:\n", bad + ":2: log.level: ", bad + ":1: lease.min_ttl: 2h is more than lease.max_ttl, 1h",
		"lease.default_ttl: ", "\n  tls.cert_file: certs/server.crt does not exist",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if _, _, err = run(t, "validate", "--config", write(t, "lisen: x\n")); err == nil || !strings.Contains(err.Error(), `the nearest known one is "listen"`) {
		t.Errorf("an unknown key: error %v", err)
	}
}

func TestConfigAlone(t *testing.T) {
	clearEnvironment(t)
	out, _, err := run(t)
	if err != nil || !strings.Contains(out, "print") || !strings.Contains(out, "validate") {
		t.Errorf("roster config alone: %v, want the help, not %q", err, out)
	}
	if _, _, err = run(t, "prnt"); err == nil || !strings.Contains(err.Error(), `unknown command "prnt"`) {
		t.Errorf("an unknown command: error %v", err)
	}
}
