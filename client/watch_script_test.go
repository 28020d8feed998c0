package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/wire"
)

// script is a transport that answers the connections of a watcher in turn.
type script struct {
	t     *testing.T
	steps []step
	seen  []seen
}

// step is one answer. It sends its text, then says nothing for hold, then ends.
type step struct {
	status  int // 0: 200
	header  http.Header
	text    string
	every   time.Duration // with times: sends a comment that often
	times   int
	hold    time.Duration
	refuse  error // instead of an answer
	forever bool  // no answer at all
}

// seen is what a connection asked, and when.
type seen struct {
	host, lastID string
	at           time.Time
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	s.seen = append(s.seen, seen{req.URL.Host, req.Header.Get("Last-Event-ID"), time.Now()})
	if len(s.seen) > len(s.steps) {
		s.t.Errorf("connection %d was not expected", len(s.seen))
		return nil, errors.New("the script is over")
	}
	st := s.steps[len(s.seen)-1]
	if st.refuse != nil {
		return nil, st.refuse
	}
	if st.forever {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	header := st.header
	if header == nil {
		header = http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}
	}
	r, w := io.Pipe()
	stop := context.AfterFunc(req.Context(), func() { _ = w.CloseWithError(req.Context().Err()) })
	go func() { // ends with the script's step or the request's context
		defer stop()
		_, _ = io.WriteString(w, st.text)
		for range st.times {
			sleep(req.Context(), req.Context(), st.every)
			_, _ = io.WriteString(w, ": alive\n\n")
		}
		sleep(req.Context(), req.Context(), st.hold)
		_ = w.Close()
	}()
	status := st.status
	if status == 0 {
		status = 200
	}
	return &http.Response{StatusCode: status, Header: header, Body: r, Request: req}, nil
}

const quiet = 24 * time.Hour

func sseText(event, id, data string) string {
	text := "event: " + event + "\n"
	if id != "" {
		text += "id: " + id + "\n"
	}
	return text + "data: " + data + "\n\n"
}

func snapshot(id string, last bool, ids ...string) string {
	var list []string
	for _, i := range ids {
		list = append(list, fmt.Sprintf(`{"serviceName":"a","instanceId":%q}`, i))
	}
	return sseText("snapshot", id, fmt.Sprintf(`{"part":1,"last":%v,"instances":[%s]}`, last, strings.Join(list, ",")))
}

func put(id, instance string) string {
	return sseText("put", id, fmt.Sprintf(`{"serviceName":"a","instanceId":%q}`, instance))
}

// render gives an event in short.
func render(e Event) string {
	text := e.Type
	switch e.Type {
	case wire.WatchSnapshot:
		for _, in := range e.Snapshot.Instances {
			text += " " + in.InstanceID
		}
		if e.First {
			text += " first"
		}
		if e.Snapshot.Last {
			text += " last"
		}
	case wire.WatchPut:
		text += " " + e.Instance.InstanceID
	case wire.WatchDelete:
		text += " " + e.Deleted.InstanceID + " " + e.Deleted.Reason
	}
	return text + " @" + e.ID
}

// follow runs a watch over the steps in a bubble of fake time, gives what it tells, and
// then checks f.
func follow(t *testing.T, steps []step, want []string, f func(t *testing.T, w *Watcher, s *script)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, steps: steps}
		c, err := New(Options{Addresses: []string{"http://one", "http://two"}, InOrder: true, HTTPClient: &http.Client{Transport: s}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := c.Watch(t.Context(), WatchOptions{Services: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		defer synctest.Wait()
		defer w.Close()
		var got []string
		for range want {
			e, err := w.Next(t.Context())
			if err != nil {
				t.Fatalf("after %q: %v", got, err)
			}
			got = append(got, render(e))
		}
		if !slices.Equal(got, want) {
			t.Errorf("told %q\nwant %q", got, want)
		}
		if f != nil {
			f(t, w, s)
		}
	})
}

func lastIDs(s *script) (ids []string) {
	for _, c := range s.seen {
		ids = append(ids, c.lastID)
	}
	return ids
}

func wantIDs(ids ...string) func(*testing.T, *Watcher, *script) {
	return func(t *testing.T, _ *Watcher, s *script) {
		t.Helper()
		if got := lastIDs(s); !slices.Equal(got, ids) {
			t.Errorf("connections came with the positions %q, want %q", got, ids)
		}
	}
}
