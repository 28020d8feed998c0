package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestFlagNames(t *testing.T) {
	fs := flagSet(t)
	for _, name := range []string{"listen", "admin-listen", "backend", "tls-cert-file", "tls-client-ca-file", "log-level", "log-format", "shutdown-timeout"} {
		if fs.Lookup(name) == nil {
			t.Errorf("there is no flag --%s", name)
		}
	}
	n := 0
	fs.VisitAll(func(*pflag.Flag) { n++ })
	if want := len(Keys()) - 1; n != want { // auth.policies has none
		t.Errorf("%d flags, want %d", n, want)
	}
}

func TestBadFlags(t *testing.T) {
	tests := map[string]string{
		"--lease-min-ttl=30":       `invalid argument "30" for "--lease-min-ttl" flag: want a number with a unit, such as 30s, 500ms or 1h30m`,
		"--limits-instances=x":     `invalid argument "x" for "--limits-instances" flag: want a whole number`,
		"--admin-plain=maybe":      `invalid argument "maybe" for "--admin-plain" flag: want true or false`,
		"--auth-policies=x":        "unknown flag: --auth-policies",
		"--store-backend=redis":    "unknown flag: --store-backend",
		"--lease-sweep-interval":   "flag needs an argument: --lease-sweep-interval",
		`--auth-identity="uri,dns`: `invalid argument "\"uri,dns" for "--auth-identity" flag: want a list, such as [a, b]`,
	}
	for arg, want := range tests {
		fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
		BindServeFlags(fs)
		if err := fs.Parse([]string{arg}); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", arg, err, want)
		}
	}
}

func TestFlagForms(t *testing.T) {
	l := mustLoad(t, Options{Flags: flagSet(t, "--admin-plain", "--auth-identity", "cn", "--auth-identity", "uri,dns", "--admin-listen=")})
	if !l.Config.Admin.Plain {
		t.Error("--admin-plain alone does not mean true")
	}
	if got := l.Config.Auth.Identity; !slices.Equal(got, []string{"cn", "uri", "dns"}) {
		t.Errorf("a repeated list is %q", got)
	}
	if l.Config.Admin.Listen != "" {
		t.Errorf("--admin-listen= is %q, want the empty text", l.Config.Admin.Listen)
	}
	if s := l.Source("auth.identity"); s.String() != "--auth-identity" {
		t.Errorf("the source is %s", s)
	}
}

func TestUsage(t *testing.T) {
	text := flagSet(t).FlagUsages()
	for _, want := range []string{
		"--listen string", "address of the API, host:port [ROSTER_LISTEN] (default \":8443\")",
		"TTL of an instance that asks for none [ROSTER_LEASE_DEFAULT_TTL] (default 30s)",
		"--limits-instances number", "--auth-identity list", "(default uri,dns)", "--admin-plain ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "(default )") || strings.Contains(text, "(default 0)") {
		t.Errorf("a default that says nothing:\n%s", text)
	}
}

func TestCompletion(t *testing.T) {
	cmd := &cobra.Command{Use: "serve"}
	BindServeFlags(cmd.Flags())
	if err := CompleteFlags(cmd); err != nil {
		t.Fatal(err)
	}
	complete, ok := cmd.GetFlagCompletionFunc("backend")
	if !ok {
		t.Fatal("no completion for --backend")
	}
	if values, _ := complete(cmd, nil, ""); !slices.Equal(values, []string{"memory", "redis", "etcd"}) {
		t.Errorf("--backend completes to %q", values)
	}
	if _, ok := cmd.GetFlagCompletionFunc("tls-cert-file"); ok {
		t.Error("--tls-cert-file must be left to the shell, which completes files")
	}
	if err := CompleteFlags(&cobra.Command{Use: "without flags"}); err != nil {
		t.Error(err)
	}
}
