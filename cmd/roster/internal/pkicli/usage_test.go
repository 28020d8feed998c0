package pkicli_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/roster-sd/roster/cmd/roster/internal/cli"
	"github.com/roster-sd/roster/internal/pki"
)

func TestUsageErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "init")
	for _, tt := range []struct {
		args string
		says string
	}{
		{"isue", `unknown command "isue" for "roster pki"; did you mean issue?`},
		{"nothing", `unknown command "nothing"`},
		{"init more", "more"},
		{"init --no-server --san a", "--no-server"},
		{"init --dir new --trust-domain Example.org", "trust domain"},
		{"init --dir new --san a/b", "SAN"},
		{"init --dir new --ttl 0s", "--ttl"},
		{"issue", "give the name"},
		{"issue a b", "at most 1"},
		{"issue a/b", "name"},
		{"issue a --san b", "--san is for --server"},
		{"issue a --spiffe https://b/c", "SPIFFE"},
		{"issue a --file ca", "file name"},
		{"issue a --ttl -1h", "--ttl"},
		{"issue a --ttl 999999h", "outlasts"},
		{"issue --server", "--san"},
		{"issue --server --san a:1", "SAN"},
		{"revoke", "accepts 1 arg"},
		{"revoke a --ttl 0s", "--ttl"},
		{"list -o xml", "table, json, yaml"},
		{"crl --ttl 1ms", "--ttl"},
	} {
		out, _, err := run(strings.Fields(tt.args)...)
		if !errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), tt.says) || out != "" {
			t.Errorf("%s: %v (usage: %v); printed %q", tt.args, err, errors.Is(err, cli.ErrUsage), out)
		}
	}
	if _, err := os.Stat("new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was made all the same: %v", err)
	}
}

func TestOtherErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "init")
	ok(t, "issue", "orders")
	for _, tt := range []struct {
		args string
		is   error
		says string
	}{
		{"init", pki.ErrExists, "certs/ca.crt, certs/ca-key.pem"},
		{"issue orders", pki.ErrExists, "--file"},
		{"revoke nobody", pki.ErrNotFound, "roster pki list"},
		{"issue a --dir none", pki.ErrNoAuthority, "roster pki init --dir none"},
		{"revoke a --dir none", pki.ErrNoAuthority, "roster pki init --dir none"},
		{"list --dir none", pki.ErrNoAuthority, "roster pki init --dir none"},
		{"crl --dir none", pki.ErrNoAuthority, "roster pki init --dir none"},
	} {
		out, _, err := run(strings.Fields(tt.args)...)
		if !errors.Is(err, tt.is) || errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), tt.says) || out != "" {
			t.Errorf("%s: %v; printed %q", tt.args, err, out)
		}
	}
}

func TestBareCommandHelps(t *testing.T) {
	out, _ := ok(t)
	contains(t, "help", out, "init", "issue", "revoke", "list", "crl")
}
