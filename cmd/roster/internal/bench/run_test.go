package bench

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// Every operation goes through, and leaves nothing behind.
func TestRun(t *testing.T) {
	t.Parallel()
	r := plain(t)
	for _, operation := range Operations() {
		o := r.options(operation)
		got, err := Run(within(t), o, nil)
		if err != nil {
			t.Fatalf("%s: %v", operation, err)
		}
		if got.Interrupted || got.FalseEvictions != 0 || got.LateRenewals != 0 || got.Operation != operation || got.TTLMillis != 60_000 {
			t.Errorf("%s: %+v", operation, got)
		}
		for _, p := range got.Parts {
			if p.Name == "heartbeats" && operation == Mixed {
				continue // none may have been due
			}
			if p.Operations == 0 || p.Latency == nil || p.Latency.Max < p.Latency.P50 || len(p.Errors) > 0 || p.Seconds <= 0 {
				t.Errorf("%s: %+v", operation, p)
			}
		}
		if s := got.Server; s == nil || s.GOMAXPROCS == "unknown" || s.ResidentBytes <= 0 {
			t.Errorf("%s: server %+v, %s", operation, got.Server, got.NoServer)
		}
		watched := operation == Watch || operation == Mixed
		if w := got.Watch; watched != (w != nil) {
			t.Errorf("%s: watch %+v", operation, w)
		} else if watched && (w.Changes == 0 || w.Whole != w.Changes || w.Deliveries != 2*w.Changes || w.Resyncs != 0 || w.All == nil) {
			t.Errorf("%s: watch %+v", operation, w)
		}
		r.empty()
	}
}

func TestRegisterStopsWhenAllAreThere(t *testing.T) {
	t.Parallel()
	r := plain(t)
	o := r.options(Register)
	o.Rate, o.Duration = 0, time.Minute
	got, err := Run(within(t), o, nil)
	if err != nil || got.Parts[0].Operations != 40 {
		t.Errorf("%+v, %v", got, err)
	}
	r.empty()
}

func TestRunUnderTLSAndPolicies(t *testing.T) {
	t.Parallel()
	r := mutual(t)
	o := r.options(Watch)
	o.Metrics = ""
	got, err := Run(within(t), o, nil)
	if err != nil || !got.TLS || got.Watch.Whole == 0 || got.Server != nil {
		t.Errorf("%+v, %v", got, err)
	}
	o.Name = "other"
	if _, err := Run(within(t), o, nil); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("a name that no policy allows: %v", err)
	}
	o = r.options(Resolve)
	o.Duration, o.Metrics = 2*time.Hour, ""
	if _, err := Run(within(t), o, nil); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), "--duration") {
		t.Errorf("longer than tokens live: %v", err)
	}
}

// told collects what a run says, and does something when it says a text.
type told struct {
	mu   sync.Mutex
	all  []string
	when string
	do   func()
}

func (p *told) Say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, text)
	if p.when != "" && strings.Contains(text, p.when) {
		p.do()
	}
}

func (p *told) Watch(now func() string) {
	if now != nil {
		_ = now()
	}
}

// An interruption, whenever it comes, leaves nothing behind.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	r := plain(t)
	for _, when := range []string{"Registering", "Opening", "Measuring"} {
		ctx, cancel := context.WithCancel(within(t))
		p := &told{when: when, do: cancel}
		o := r.options(Watch)
		o.Duration = time.Hour
		got, err := Run(ctx, o, p)
		cancel()
		if err != nil || !got.Interrupted {
			t.Errorf("%s: %+v, %v", when, got, err)
		}
		r.empty()
	}
}

// A fleet whose operation does not renew it lives on all the same.
func TestFleetIsKeptAlive(t *testing.T) {
	t.Parallel()
	r := plain(t)
	o := r.options(Resolve)
	o.TTL, o.Duration, o.Batch = 3*time.Second, 4500*time.Millisecond, 7
	got, err := Run(within(t), o, nil)
	if err != nil && got.LateRenewals == 0 { // a machine that slept past a TTL is not at fault
		t.Fatal(err)
	}
	if got.Kept == nil || got.Kept.Operations < 40 || got.FalseEvictions != 0 {
		t.Errorf("kept %+v, %d false evictions", got.Kept, got.FalseEvictions)
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	r := plain(t)
	o := r.options(Resolve)
	o.Targets, o.Metrics = []Target{{Address: "127.0.0.1:1"}}, ""
	if _, err := Run(within(t), o, nil); err == nil || !strings.Contains(err.Error(), "dial") {
		t.Errorf("error %v", err)
	}
}
