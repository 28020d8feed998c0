package patience

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are ends of pipes.
type pipes struct {
	net.Listener
	ends chan net.Conn
}

func (p pipes) Accept() (net.Conn, error) { return <-p.ends, nil }

// open gives a connection under a running watch, and its other end.
func open(t *testing.T) (*Watch, *conn, net.Conn) {
	t.Helper()
	w := NewWatch()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	ours, theirs := net.Pipe()
	l := pipes{ends: make(chan net.Conn, 1)}
	l.ends <- ours
	c, err := w.Listener(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		theirs.Close()
		cancel()
		<-done
	})
	return w, c.(*conn), theirs
}

func read(c net.Conn) (time.Duration, error) {
	began := time.Now()
	_, err := c.Read(make([]byte, 1))
	return time.Since(began), err
}

func TestDeadlineEndsAReadLateAndNeverEarly(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, 700 * time.Millisecond, time.Second, 5 * time.Second, 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			_, c, _ := open(t)
			time.Sleep(1234 * time.Millisecond) // not at a tick
			c.SetReadDeadline(time.Now().Add(d))
			took, err := read(c)
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("deadline in %v: read gave %v", d, err)
			}
			if took < d || took > d+Tolerance {
				t.Errorf("deadline in %v: read ended after %v, want at most %v later", d, took, Tolerance)
			}
		})
	}
}

func TestDeadlineEndsAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, _ := open(t)
		c.SetDeadline(time.Now().Add(3 * time.Second))
		began := time.Now()
		_, err := c.Write([]byte("x"))
		took := time.Since(began)
		if !errors.Is(err, os.ErrDeadlineExceeded) || took < 3*time.Second || took > 3*time.Second+Tolerance {
			t.Errorf("write ended after %v with %v", took, err)
		}
		if _, err := read(c); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("SetDeadline: read gave %v", err)
		}
	})
}

func TestDeadlineThatMovedOnEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, theirs := open(t)
		c.SetReadDeadline(time.Now().Add(2 * time.Second))
		time.Sleep(1900 * time.Millisecond)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		go func() {
			time.Sleep(8 * time.Second)
			theirs.Write([]byte("x"))
		}()
		if took, err := read(c); err != nil || took != 8*time.Second {
			t.Errorf("read ended after %v with %v", took, err)
		}
	})
}

func TestDeadlineIsLifted(t *testing.T) {
	for name, first := range map[string]time.Duration{"far": 5 * time.Second, "near": 10 * time.Millisecond, "past": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, c, theirs := open(t)
				c.SetReadDeadline(time.Now().Add(first))
				time.Sleep(6 * time.Second) // it is over
				for _, next := range []time.Time{{}, time.Now().Add(2 * time.Minute)} {
					c.SetReadDeadline(next)
					go func() {
						time.Sleep(30 * time.Second)
						theirs.Write([]byte("x"))
					}()
					if _, err := read(c); err != nil {
						t.Errorf("after it was moved to %v: %v", next, err)
					}
				}
			})
		})
	}
}

func TestDeadlineOfTheDistantPastInterruptsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, _ := open(t)
		go func() {
			time.Sleep(time.Millisecond)
			c.SetReadDeadline(time.Unix(1, 0)) // as net/http does
		}()
		if took, err := read(c); !errors.Is(err, os.ErrDeadlineExceeded) || took != time.Millisecond {
			t.Errorf("read ended after %v with %v", took, err)
		}
	})
}

// A move in the very moment in which the watch ends the call must win: otherwise the next
// request on the connection would be cut off.
func TestMoveWinsOverTheWatch(t *testing.T) {
	w := NewWatch()
	var d deadline
	var last time.Time
	moved := false
	d.set = func(t time.Time) error {
		last = t
		if !moved && t.Equal(past) {
			moved = true
			d.at.Store(int64(time.Hour)) // what move does first, before it looks at real
		}
		return nil
	}
	if err := d.move(w, w.origin.Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	d.expire(int64(3 * time.Second))
	if !last.IsZero() || d.real.Load() {
		t.Errorf("the connection keeps the deadline %v", last)
	}
}

func TestCloseIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c, _ := open(t)
		c.Close()
		c.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.conns) != 0 {
			t.Errorf("the watch knows %d connections", len(w.conns))
		}
	})
}

func BenchmarkSetDeadlines(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	accept := func(l net.Listener) net.Conn {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { client.Close() })
		c, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		return c
	}
	for name, c := range map[string]net.Conn{"timers": accept(l), "watch": accept(NewWatch().Listener(l))} {
		b.Run(name, func(b *testing.B) {
			t := time.Now().Add(time.Hour)
			for b.Loop() {
				// What net/http does for a request under all four time-outs.
				c.SetReadDeadline(t)
				c.SetReadDeadline(time.Time{})
				c.SetReadDeadline(t)
				c.SetReadDeadline(t)
				c.SetWriteDeadline(t)
				c.SetWriteDeadline(time.Time{})
			}
		})
	}
}
