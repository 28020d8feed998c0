package etcd_test

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/etcd"
)

func TestOpenRefuses(t *testing.T) {
	good := etcd.Options{Endpoints: []string{"http://127.0.0.1:1"}}
	for name, spoil := range map[string]func(*etcd.Options){
		"no endpoints":        func(o *etcd.Options) { o.Endpoints = nil },
		"ftp":                 func(o *etcd.Options) { o.Endpoints = []string{"ftp://a:1"} },
		"is not http":         func(o *etcd.Options) { o.Endpoints = []string{"http://user:pw@a:1"} },
		"not use the TLS":     func(o *etcd.Options) { o.TLS = &tls.Config{} },
		"given together":      func(o *etcd.Options) { o.Username = "a" },
		"or not at all":       func(o *etcd.Options) { o.Password = "a" },
		`prefix "roster/"`:    func(o *etcd.Options) { o.Prefix = "roster/" },
		`prefix "/roster"`:    func(o *etcd.Options) { o.Prefix = "/roster" },
		`prefix "/" does not`: func(o *etcd.Options) { o.Prefix = "/" },
	} {
		opts := good
		spoil(&opts)
		s, err := etcd.Open(opts)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: Open takes it", name)
			continue
		}
		if !strings.HasPrefix(err.Error(), "open etcd store: ") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error reads %q", name, err)
		}
	}
}

// All that is wrong is told at once.
func TestOpenTellsEverything(t *testing.T) {
	_, err := etcd.Open(etcd.Options{Endpoints: []string{"x://y", "a b"}, Prefix: "p", Username: "u"})
	if err == nil {
		t.Fatal("Open takes it")
	}
	for _, part := range []string{"x://y", "a b", `"p"`, "password"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not speak of %s: %v", part, err)
		}
	}
}

// An etcd that is not there keeps nobody from opening, and every call says so in time,
// with a user to log in and without.
func TestNobodyThere(t *testing.T) {
	for _, user := range []string{"", "roster"} {
		f := use(t, etcd.Options{Endpoints: []string{"127.0.0.1:1"}, Username: user, Password: user, CallTimeout: 300 * time.Millisecond})
		began := time.Now()
		_, err := f.Get(f.ctx, store.InstanceKey("user", "1"))
		wants(t, err, store.ErrUnavailable, "Get without an etcd")
		if store.IsContext(err) {
			t.Errorf("the error is also a context's: %v", err)
		}
		var of *store.Error
		if !errors.As(err, &of) || of.Cause == nil {
			t.Errorf("the error has no cause: %v", err)
		}
		if took := time.Since(began); took > prompt {
			t.Errorf("it took %v to say so", took)
		}
		wants(t, f.Ping(f.ctx), store.ErrUnavailable, "Ping without an etcd")
	}
}
