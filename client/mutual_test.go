package client

import (
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/roster-sd/roster/registry"
)

// The whole of it over mutual TLS: what a certificate says is who may register.
func TestRegistrationOverMutualTLS(t *testing.T) {
	n := run(t, rigOptions{}, func(r *http.Request) (registry.Caller, error) {
		return registry.Caller{Identity: r.TLS.PeerCertificates[0].Subject.CommonName, From: "127.0.0.1"}, nil
	})
	t.Cleanup(n.stop)
	a := newAuthority(t)
	address := serveTLSBy(t, a, n.handler)
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.crt")
	a.file(ca, "CERTIFICATE", a.cert.Raw)
	cert, key := a.write(dir, "orders")

	t.Setenv("ROSTER_ADDRESS", address)
	t.Setenv("ROSTER_CA", ca)
	t.Setenv("ROSTER_CERT", cert)
	t.Setenv("ROSTER_KEY", key)
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	resolver, err := c.Resolver("orders", ResolverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer resolver.Close()
	r, err := c.Register(limited(t), orders, RegisterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Instance().PID != 0 {
		t.Error("a registry that is not local was told our process")
	}
	for ctx := limited(t); ; {
		if _, err := resolver.Resolve(); err == nil {
			break
		}
		if sleep(ctx, ctx, 10*time.Millisecond); ctx.Err() != nil {
			t.Fatalf("not seen: %v", resolver.Err())
		}
	}
	// Over TLS the same identity may take its instance over, after a crash.
	again, err := c.Register(limited(t), orders, RegisterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Drain(limited(t)); err != nil {
		t.Error(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}

	// Who is not trusted, or trusts nobody, is told so at once, and not kept waiting.
	for name, opts := range map[string]Options{
		"no certificate":        {CAFile: ca},
		"of another authority":  {CertFile: cert, KeyFile: key},
		"no certificate at all": {},
	} {
		t.Setenv("ROSTER_CA", "")
		t.Setenv("ROSTER_CERT", "")
		t.Setenv("ROSTER_KEY", "")
		opts.Addresses = []string{"https://" + address}
		c, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Register(t.Context(), orders, RegisterOptions{}); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: error %v", name, err)
		}
		c.Close()
	}
}
