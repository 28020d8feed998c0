package etcd_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/internal/pki"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/etcd"
)

// secured gives a server that asks for certificates and, once told so, for a user.
func secured(t *testing.T) (server *etcdtest.Server, conf, stranger *tls.Config) {
	t.Helper()
	dir := t.TempDir()
	ca, err := pki.Init(dir, pki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	issue := func(req pki.Request) *pki.Issued {
		issued, err := pki.Issue(dir, req)
		if err != nil {
			t.Fatal(err)
		}
		return issued
	}
	its := issue(pki.Request{Server: true, Name: "etcd", SANs: []string{"127.0.0.1"}})
	client := func(name string) *tls.Config {
		issued := issue(pki.Request{Name: name})
		pair, err := tls.LoadX509KeyPair(issued.CertPath, issued.KeyPath)
		if err != nil {
			t.Fatal(err)
		}
		conf := &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{pair}}
		conf.RootCAs.AddCert(ca.Cert)
		return conf
	}
	conf, stranger = client("roster"), client("stranger")
	opts := quick
	opts.CertFile, opts.KeyFile, opts.CAFile, opts.TLS = its.CertPath, its.KeyPath, ca.CertFile, conf
	opts.Args = []string{"--enable-grpc-gateway=false", "--bcrypt-cost=4"}
	opts.User, opts.Password = "root", "root"
	return etcdtest.Start(t, opts), conf, stranger
}

// With TLS, a user and a password that may touch the prefix only, everything works; with
// another password, another authority, or none, nothing does.
func TestUserAndCertificate(t *testing.T) {
	t.Parallel()
	server, conf, stranger := secured(t)
	server.Do(func(ctx context.Context, c *clientv3.Client) error {
		for _, do := range []func() error{
			func() error { _, err := c.UserAdd(ctx, "root", "root"); return err },
			func() error { _, err := c.UserGrantRole(ctx, "root", "root"); return err },
			func() error { _, err := c.RoleAdd(ctx, "registry"); return err },
			func() error {
				_, err := c.RoleGrantPermission(ctx, "registry", "/roster/", clientv3.GetPrefixRangeEnd("/roster/"), clientv3.PermissionType(clientv3.PermReadWrite))
				return err
			},
			func() error { _, err := c.UserAdd(ctx, "roster", "secret"); return err },
			func() error { _, err := c.UserGrantRole(ctx, "roster", "registry"); return err },
			func() error { _, err := c.AuthEnable(ctx); return err },
		} {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	})
	good := etcd.Options{Endpoints: []string{server.Addr()}, TLS: conf, Username: "roster", Password: "secret"}
	f := use(t, good)
	w := f.watch(f.list().Revision)
	rec := f.put(store.InstanceKey("user", "1"), lasting)
	rec = f.update(rec.Ref(), 7)
	if r := f.renew(rec.Ref()); r[0].Err != nil || r[0].TTL != lasting {
		t.Errorf("Renew: %+v", r)
	}
	if left, err := f.TimeToLive(f.ctx, []store.Ref{rec.Ref()}); err != nil || left[0] <= 0 {
		t.Errorf("TimeToLive: %v, %v", left, err)
	}
	f.put(rec.Key, lasting)
	f.remove(store.Ref{Key: rec.Key})
	events(t, w, 4)
	if past, err := f.History(f.ctx, store.Selector{}, 10); err != nil || len(past) != 4 {
		t.Errorf("History: %d events, %v", len(past), err)
	}
	for _, warning := range f.Check(f.ctx) {
		if warning.Name != "single-member" {
			t.Errorf("Check warns of %s: %s", warning.Name, warning.Text)
		}
	}
	for name, spoil := range map[string]func(*etcd.Options){
		"a wrong password":   func(o *etcd.Options) { o.Password = "guess" },
		"another prefix":     func(o *etcd.Options) { o.Prefix = "/other/" },
		"no user":            func(o *etcd.Options) { o.Username, o.Password, o.TLS = "", "", stranger },
		"unknown authority":  func(o *etcd.Options) { o.TLS = &tls.Config{Certificates: conf.Certificates} },
		"no certificate":     func(o *etcd.Options) { o.TLS = &tls.Config{RootCAs: conf.RootCAs} },
		"without encryption": func(o *etcd.Options) { o.TLS, o.Endpoints = nil, []string{"http://" + server.Host()} },
	} {
		opts := good
		spoil(&opts)
		opts.CallTimeout = time.Second
		other := use(t, opts)
		_, err := other.Get(other.ctx, rec.Key)
		wants(t, err, store.ErrUnavailable, "Get with "+name)
	}
}

// Check says what an operator should know.
func TestCheckWarns(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoFsync: true}) // grants 2 s at least
	f := use(t, etcd.Options{Endpoints: []string{server.Addr()}, Username: "roster", Password: "secret", MinTTL: time.Second})
	found := map[string]bool{}
	for _, warning := range f.Check(f.ctx) {
		t.Logf("%s: %s", warning.Name, warning.Text)
		found[warning.Name] = true
	}
	for _, want := range []string{"single-member", "ttl-minimum", "auth-off"} {
		if !found[want] {
			t.Errorf("Check does not warn of %s", want)
		}
		delete(found, want)
	}
	for name := range found {
		t.Errorf("Check warns of %s", name)
	}
	gone := use(t, etcd.Options{Endpoints: []string{"http://192.0.2.1:2379"}, CallTimeout: 200 * time.Millisecond})
	found = map[string]bool{}
	for _, warning := range gone.Check(gone.ctx) {
		found[warning.Name] = true
	}
	if !found["unreachable"] || !found["no-tls"] {
		t.Errorf("of an etcd that is far away and silent Check says %v", found)
	}
}
