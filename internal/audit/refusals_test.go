package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// refusing gives refusals that run, what they write, and what ends them.
func refusing(t *testing.T) (r *Refusals, out *stream, end func()) {
	t.Helper()
	out = &stream{}
	r = NewRefusals(slog.New(slog.NewJSONHandler(out, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return r, out, func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}
}

// One caller who is refused again and again writes ten lines a second, and what is left out is
// told; the lines of another are all there.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, out, end := refusing(t)
		const seconds = 5
		for range seconds {
			for range 1000 {
				r.Tell(t.Context(), slog.LevelWarn, "loud", "denied", slog.String("identity", "loud"))
			}
			r.Tell(t.Context(), slog.LevelWarn, "quiet", "denied", slog.String("identity", "quiet"))
			time.Sleep(window)
		}
		end()
		lines, told := map[any]int{}, 0.0
		for _, e := range entries(t, out.String()) {
			if lines[e["identity"]]++; e["msg"] == "refusals not logged" {
				if told += e["count"].(float64); e["caller"] != "loud" {
					t.Errorf("%v", e)
				}
			}
		}
		if lines["loud"] > 10*(seconds+1) || lines["quiet"] != seconds || float64(lines["loud"])+told != 1000*seconds {
			t.Errorf("%v, and %v are told to be left out", lines, told)
		}
	})
}

// However many callers there are, what they write is bounded, and so is what is told of it.
func TestRefusalsOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, out, end := refusing(t)
		const callers, each = 3000, 12
		for i := range callers * each {
			r.Tell(t.Context(), slog.LevelWarn, fmt.Sprint("198.51.100.", i%callers), "caller refused")
		}
		time.Sleep(3 * window)
		end()
		written, told := 0, 0.0
		list := entries(t, out.String())
		for _, e := range list {
			if e["msg"] == "caller refused" {
				written++
			} else {
				told += e["count"].(float64)
			}
		}
		if written != linesPerWindow || len(list) > written+toldApart+1 || float64(written)+told != callers*each {
			t.Errorf("%d lines, %d of refusals; %v are told to be left out", len(list), written, told)
		}
		if len(r.each.of) != 0 {
			t.Errorf("%d callers are remembered", len(r.each.of))
		}
	})
}
