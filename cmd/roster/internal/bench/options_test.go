package bench

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	good := (&node{target: Target{Address: "127.0.0.1:1"}}).options(Mixed)
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Options){
		"operation":                   func(o *Options) { o.Operation = "sing" },
		"no registry":                 func(o *Options) { o.Targets = nil },
		"--name":                      func(o *Options) { o.Name = "a b" },
		"--instances 0":               func(o *Options) { o.Instances = 0 },
		"--instances 10000000":        func(o *Options) { o.Instances = 10_000_000 },
		"--services 0":                func(o *Options) { o.Services = 0 },
		"--services 41: want no more": func(o *Options) { o.Services = 41 },
		"--connections":               func(o *Options) { o.Connections = 0 },
		"--batch 10001":               func(o *Options) { o.Batch = 10_001 },
		"--watchers":                  func(o *Options) { o.Operation, o.Watchers = Watch, 0 },
		"--resolvers":                 func(o *Options) { o.Resolvers = -1 },
		"--rate":                      func(o *Options) { o.Rate = -1 },
		"--churn":                     func(o *Options) { o.Churn = -1 },
		"--duration":                  func(o *Options) { o.Duration = 0 },
		"--ttl":                       func(o *Options) { o.TTL = time.Second },
	} {
		o := good
		change(&o)
		if err := o.Validate(); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	both := good
	both.Batch, both.TTL = 0, 0
	if err := both.Validate(); err == nil || !strings.Contains(err.Error(), "--batch") || !strings.Contains(err.Error(), "--ttl") {
		t.Errorf("two mistakes: %v", err)
	}
}

func TestNewTarget(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"http://h:1": "h:1", "http://h": "h:80", "https://h": "h:443", "https://[::1]:2": "[::1]:2",
	} {
		got, err := NewTarget(base, nil)
		if err != nil || got.Address != want || strings.HasPrefix(base, "https") != (got.TLS != nil) {
			t.Errorf("%s: %+v, %v", base, got, err)
		}
	}
	got, err := NewTarget("https://h:1", &tls.Config{ServerName: "other"})
	if err != nil || got.TLS.ServerName != "other" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := NewTarget("http://h:x", nil); err == nil {
		t.Error("a port that is none")
	}
}
