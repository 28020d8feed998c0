package main

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// TestStart measures how long it takes from the start of the process until it answers.
// The figure to reach is 50 ms; it is printed, and not asserted, for the machine may be
// busy with other tests.
func TestStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun := time.Now()
	p, url := w.dev()
	t.Logf("roster dev answered %s after its start", time.Since(begun).Round(time.Millisecond))
	c, err := client.New(client.Options{Addresses: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	// What it answers first is the truth: nothing is warming up.
	if _, err := c.RegisterOnce(ctx, wire.Registration{ServiceName: "a", Port: 1}, ""); err != nil {
		t.Error(err)
	}
	if got, err := c.Services(ctx, client.ReadOptions{}); err != nil || len(got.Services) != 1 {
		t.Errorf("services: %+v, %v", got, err)
	}
	p.signal(syscall.SIGTERM)
	p.wait()
}

// BenchmarkStart starts roster dev until it answers.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b)
		b.StartTimer()
		p, _ := w.dev()
		b.StopTimer()
		p.signal(syscall.SIGTERM)
		p.wait()
		b.StartTimer()
	}
}
