package bench

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/cmd/roster/internal/server"
	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a server in this process.
type node struct {
	t      *testing.T
	srv    *server.Server
	target Target
}

// serve runs a server until the test ends.
func serve(t *testing.T, o server.Options) *node {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	o.Config.Listen, o.Config.Store.Memory.StateFile = "127.0.0.1:0", ""
	srv, err := server.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	r := &node{t: t, srv: srv, target: Target{Address: srv.Addr()}}
	return r
}

// plain runs one as roster dev does.
func plain(t *testing.T) *node {
	t.Helper()
	return serve(t, server.Options{Config: config.DevDefault(), Dev: true})
}

// mutual runs one under mutual TLS, whose policies allow its caller names that begin with
// "allowed".
func mutual(t *testing.T) *node {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "certs")
	if _, err := pki.Init(dir, pki.Options{}); err != nil {
		t.Fatal(err)
	}
	own, err := pki.Issue(dir, pki.Request{Server: true, SANs: []string{"localhost", "127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	caller, err := pki.Issue(dir, pki.Request{Name: "loader"})
	if err != nil {
		t.Fatal(err)
	}
	o := server.Options{Config: config.Default()}
	o.Config.Admin.Listen = "127.0.0.1:0"
	ca := filepath.Join(dir, "ca.crt")
	o.Config.TLS.CertFile, o.Config.TLS.KeyFile, o.Config.TLS.ClientCAFile = own.CertPath, own.KeyPath, ca
	o.Config.Auth.Policies = []config.PolicyRule{{Identity: "*loader", Register: []string{"allowed*"}, Discover: []string{"allowed*"}}}
	r := serve(t, o)
	files, err := rawclient.TLSFiles(ca, caller.CertPath, caller.KeyPath)
	if err != nil {
		t.Fatal(err)
	}
	if r.target, err = NewTarget("https://"+r.srv.Addr(), files); err != nil {
		t.Fatal(err)
	}
	return r
}

// options are those of a short run.
func (r *node) options(operation string) Options {
	return Options{
		Operation: operation, Targets: []Target{r.target}, Metrics: "http://" + r.target.Address, Name: "allowed",
		Instances: 40, Services: 4, Connections: 4, Batch: 10, Watchers: 8, Resolvers: 2, Rate: 50, Churn: 20,
		Duration: 300 * time.Millisecond, TTL: time.Minute,
	}
}

// empty fails the test unless nothing is registered.
func (r *node) empty() {
	r.t.Helper()
	resp, err := http.Get("http://" + r.target.Address + "/registry/services")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), `"services":[]`) {
		r.t.Errorf("left behind: %s, %v", body, err)
	}
}

// within gives a context that ends a test that hangs.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
