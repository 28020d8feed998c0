package pkicli_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/cmd/roster/internal/pkicli"
	"github.com/roster-sd/roster/internal/pki"
	"github.com/roster-sd/roster/internal/tlsreload"
)

// run runs the command as the root command would.
func run(args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	root := &cobra.Command{Use: "roster", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(pkicli.New())
	root.SetOut(&out)
	root.SetErr(&errs)
	if len(args) > 0 && args[0] == cobra.ShellCompRequestCmd {
		root.SetArgs(append([]string{args[0], "pki"}, args[1:]...))
	} else {
		root.SetArgs(append([]string{"pki"}, args...))
	}
	err = root.Execute()
	return out.String(), errs.String(), err
}

// ok runs the command and wants it to work.
func ok(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := run(args...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return stdout, stderr
}

func contains(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q in:\n%s", what, want, text)
		}
	}
}

func certificate(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// firstColumn gives the first word of each line of a table but the header.
func firstColumn(table string) []string {
	var words []string
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		if i > 0 {
			words = append(words, strings.Fields(line)[0])
		}
	}
	return words
}

// Two commands make all that the server and one client need.
func TestTwoCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	out, said := ok(t, "init")
	want := []string{"certs/ca.crt", "certs/ca-key.pem", "certs/server.crt", "certs/server-key.pem"}
	if got := firstColumn(out); !slices.Equal(got, want) {
		t.Errorf("wrote %q, want %q", got, want)
	}
	contains(t, "init says", said, "roster.local", "localhost, ", "127.0.0.1, ::1", "\n  roster pki issue my-service", "\n  roster serve\n")
	if strings.Contains(said, "warning") {
		t.Errorf("init says:\n%s", said)
	}
	out, said = ok(t, "issue", "orders")
	if got, want := firstColumn(out), []string{"certs/orders.crt", "certs/orders-key.pem"}; !slices.Equal(got, want) {
		t.Errorf("wrote %q, want %q", got, want)
	}
	contains(t, "issue says", said, "spiffe://roster.local/orders",
		"\n  curl --cacert certs/ca.crt --cert certs/orders.crt --key certs/orders-key.pem https://localhost:8443/registry/services\n")
	if id, err := auth.IdentityOf(certificate(t, "certs/orders.crt"), nil); err != nil || id != "spiffe://roster.local/orders" {
		t.Errorf("identity %q, %v", id, err)
	}
	server := certificate(t, "certs/server.crt")
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := server.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"ca-key.pem", "server-key.pem", "orders-key.pem"} {
		if info, err := os.Stat(filepath.Join("certs", name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	// The names are those of the server's default configuration.
	files := tlsreload.Files{CertFile: "certs/server.crt", KeyFile: "certs/server-key.pem", ClientCAFile: "certs/ca.crt"}
	if _, err := tlsreload.Load(files); err != nil {
		t.Error(err)
	}
}

func TestInitWithOptions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my certs")
	out, said := ok(t, "init", "--dir", dir, "--trust-domain", "example.org", "--no-server", "--ttl", "48h")
	if got := len(firstColumn(out)); got != 2 {
		t.Errorf("wrote %d files:\n%s", got, out)
	}
	contains(t, "init says", said, "\n  roster pki issue --server --san localhost --san 127.0.0.1 --dir '"+dir+"'\n")
	if _, err := os.Stat(filepath.Join(dir, "server.crt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("made a server's certificate: %v", err)
	}
	// The trust domain is remembered; without a server's certificate there is one to be made.
	_, said = ok(t, "issue", "orders", "--dir", dir, "--ttl", "1h")
	contains(t, "issue says", said, "spiffe://example.org/orders", "\n  roster pki issue --server", " --dir '"+dir+"'\n")
	cert := certificate(t, filepath.Join(dir, "orders.crt"))
	if left := time.Until(cert.NotAfter); left > time.Hour || left < 50*time.Minute {
		t.Errorf("holds for %v", left)
	}
	// A lifetime that nobody asked for is cut to the authority's, one asked for is not.
	ok(t, "issue", "users", "--dir", dir)
	if got := certificate(t, filepath.Join(dir, "users.crt")).NotAfter; !got.Equal(certificate(t, filepath.Join(dir, "ca.crt")).NotAfter) {
		t.Errorf("holds until %v", got)
	}
	_, said = ok(t, "issue", "--server", "--san", "registry.example.org", "--san", "::1", "--dir", dir)
	contains(t, "issue says", said, "registry.example.org, ::1",
		"\n  roster serve --tls-cert-file '"+dir+"/server.crt' --tls-key-file '"+dir+"/server-key.pem' --tls-client-ca-file '"+dir+"/ca.crt'\n")
	_, said = ok(t, "issue", "third", "--dir", dir, "--spiffe", "spiffe://other.org/ns/third")
	contains(t, "issue says", said, "spiffe://other.org/ns/third", "https://registry.example.org:8443/")
}

func TestInitAddsNames(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, said := ok(t, "init", "--dir", dir, "--san", "registry.example.org", "--san", "10.0.0.7")
	contains(t, "init says", said, "registry.example.org", "10.0.0.7", "warning: others may look into "+dir+" (mode 755): chmod 700 ")
}

// With a file of the configuration here, the server is started with it.
func TestNextCommandUsesConfig(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, said := ok(t, "init")
	contains(t, "init says", said, "\n  roster serve --config config.yaml\n")
}

func TestRevoke(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "init")
	ok(t, "issue", "orders")
	ok(t, "issue", "users")
	files := tlsreload.Files{CertFile: "certs/server.crt", KeyFile: "certs/server-key.pem", ClientCAFile: "certs/ca.crt", CRLFile: "certs/ca.crl"}
	out, said := ok(t, "revoke", "orders")
	contains(t, "revoke prints", out, "orders", "revoked", "spiffe://roster.local/orders")
	contains(t, "revoke says", said, "certs/ca.crl names 1 revoked certificate", "\n  roster serve --tls-crl-file certs/ca.crl ", "\n  roster pki crl ")
	m, err := tlsreload.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := m.Check(certificate(t, "certs/orders.crt"), now); !errors.Is(err, tlsreload.ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
	if err := m.Check(certificate(t, "certs/users.crt"), now); err != nil {
		t.Errorf("not revoked: %v", err)
	}
	if _, _, err := run("revoke", "orders"); !errors.Is(err, pki.ErrRevoked) || !strings.Contains(err.Error(), "roster pki crl") {
		t.Errorf("again: %v", err)
	}
	_, said = ok(t, "revoke", "server")
	contains(t, "revoke says", said, `warning: clients do not read the list: give the server "server" another certificate`)

	var before, after pki.CRL
	out, _ = ok(t, "crl", "-o", "json")
	decode(t, out, &before)
	out, said = ok(t, "crl", "--ttl", "720h", "-o", "json")
	decode(t, out, &after)
	if before.Revoked != 2 || after.Revoked != 2 || after.Number <= before.Number || time.Until(after.NextUpdate) < 719*time.Hour {
		t.Errorf("lists %+v and %+v", before, after)
	}
	contains(t, "crl says", said, "names 2 revoked certificates")
	if out, _ = ok(t, "crl"); !slices.Equal(firstColumn(out), []string{"certs/ca.crl"}) {
		t.Errorf("crl prints:\n%s", out)
	}
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
}

func TestList(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "init", "--no-server")
	out, said := ok(t, "list")
	if out != "" {
		t.Errorf("nothing issued, and printed:\n%s", out)
	}
	contains(t, "list says", said, "Nothing was issued yet", "roster pki issue my-service")
	if out, _ = ok(t, "list", "-o", "json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("nothing issued, and printed:\n%s", out)
	}
	ok(t, "issue", "orders")
	ok(t, "issue", "users")
	ok(t, "revoke", "users")
	out, said = ok(t, "ls")
	if got, want := firstColumn(out), []string{"orders", "users"}; !slices.Equal(got, want) || said != "" {
		t.Errorf("listed %q, said %q", got, said)
	}
	contains(t, "list", out, "NAME", "SERIAL", "spiffe://roster.local/orders", "valid", "revoked")
	var entries []struct{ Serial, Name, State, Identity, RevokedAt string }
	out, _ = ok(t, "list", "-o", "json")
	decode(t, out, &entries)
	if len(entries) != 2 || entries[0].State != "valid" || entries[0].RevokedAt != "" || entries[1].State != "revoked" || entries[1].RevokedAt == "" {
		t.Errorf("got %+v", entries)
	}
	out, _ = ok(t, "list", "-o", "yaml")
	contains(t, "yaml", out, "- state: valid\n", "  name: orders\n", "  identity: spiffe://roster.local/orders\n")

	words, _ := ok(t, cobra.ShellCompRequestCmd, "revoke", "")
	contains(t, "completion", words, "orders\t", entries[0].Serial+"\t")
	if strings.Contains(words, "users") {
		t.Errorf("offers what is revoked:\n%s", words)
	}
}
