package server

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
)

// TestOpenRefuses: what cannot be served is told, and nothing stays open. That no
// goroutine does is looked for at the end of the package's tests.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	probe := taken.Addr().String()
	for name, test := range map[string]struct {
		change   func(*config.Config)
		insecure bool
		want     []string
	}{
		"backend": {func(c *config.Config) { c.Store.Backend = "zookeeper" }, true, []string{`store.backend: no backend "zookeeper"`}},
		"redis": {func(c *config.Config) {
			c.Store.Backend, c.Store.Redis.PasswordFile = config.Redis, f.path("none")
		}, true, []string{"store.redis.password_file: ", "none"}},
		"redis TLS": {func(c *config.Config) {
			c.Store.Backend, c.Store.Redis.TLS.Enabled = config.Redis, true
			c.Store.Redis.TLS.CAFile, c.Store.Redis.TLS.CertFile = f.path("server-key.pem"), f.path("none.crt")
		}, true, []string{"store.redis.tls.ca_file: ", "holds no certificate in PEM", "store.redis.tls.cert_file, key_file: "}},
		"etcd": {func(c *config.Config) {
			c.Store.Backend, c.Store.Etcd.Username, c.Store.Etcd.PasswordFile = config.Etcd, "u", os.DevNull
		}, true, []string{"store.etcd.password_file: ", "is empty"}},
		"etcd TLS": {func(c *config.Config) {
			c.Store.Backend, c.Store.Etcd.Endpoints = config.Etcd, []string{"https://127.0.0.1:1"}
			c.Store.Etcd.TLS.CAFile = f.path("none.crt")
		}, true, []string{"store.etcd.tls.ca_file: ", "none.crt"}},
		"state file": {func(c *config.Config) { c.Store.Memory.StateFile = f.path("none/state") }, true, []string{
			"store.memory.state_file: open state file: ", "no such file or directory", "make its folder"}},
		"connections":    {func(c *config.Config) { c.Limits.Connections = 1 }, true, []string{"limits.connections: ", "plain HTTP has none", "limits.address_connections"}},
		"no certificate": {func(c *config.Config) { c.TLS.CertFile = f.path("none.crt") }, false, []string{"none.crt is not there", "roster pki init", "roster pki issue", "--insecure"}},
		"nothing set":    {func(c *config.Config) { c.TLS = config.TLS{} }, false, []string{"tls.cert_file is not set", "tls.key_file is not set", "tls.client_ca_file is not set"}},
		"no list":        {func(c *config.Config) { c.TLS.CRLFile = f.path("none.crl") }, false, []string{"none.crl"}},
		"taken":          {func(c *config.Config) { c.Listen = probe }, true, []string{"listen: " + probe + " is in use by another program"}},
		"admin taken":    {func(c *config.Config) { c.Admin.Listen = probe }, true, []string{"admin.listen: " + probe + " is in use by another program"}},
		"admin in plain": {func(c *config.Config) { c.Admin.Listen = "0.0.0.0:0" }, true, []string{"admin.listen", "off loopback", "admin.plain"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := secure(f)
			test.change(&cfg)
			srv, err := Open(Options{Config: cfg, Insecure: test.insecure, Logger: slog.New(slog.DiscardHandler)})
			if err == nil {
				srv.Close()
				t.Fatal("it was opened")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %q, want %q in it", err, want)
				}
			}
			if strings.Contains(name, "taken") != errors.Is(err, ErrInUse) {
				t.Errorf("ErrInUse is %v", errors.Is(err, ErrInUse))
			}
		})
	}
}

// TestDevStaysOnLoopback refuses every other address before anything listens.
func TestDevStaysOnLoopback(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{"127.0.0.1:0": true, "localhost:0": true, "0.0.0.0:0": false, ":0": false, "192.0.2.1:0": false} {
		cfg := config.DevDefault()
		cfg.Listen = address
		srv, err := Open(Options{Config: cfg, Dev: true, Logger: slog.New(slog.DiscardHandler)})
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
		if err == nil {
			if err := srv.Close(); err != nil { // it was never run
				t.Error(err)
			}
		}
	}
}
