package server

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// post is the head of a registration with a body of so many bytes.
func post(length int, headers string) string {
	return fmt.Sprintf("POST /registry/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n", headers, length)
}

// TestHostileClients: what clients do that mean ill, all of it at once and each many times
// over. Each is ended or refused; meanwhile another's heartbeats are answered; and what they
// made the server take, it gives back.
func TestHostileClients(t *testing.T) {
	f := newFolder(t)
	n := serve(t, Options{Config: secure(f)})
	good, bad := f.client("good"), f.client("bad")
	n.as(f, bad, 2).register(201, "orders", "o-1", "")
	heart := n.beating(n.as(f, good, 1))
	eventually(t, "the heart beats", func() bool { return n.srv.gate.Open() > 0 })
	before := measure()

	many := func(count int, attack func(i int)) func() {
		if racing { // which makes both ends ten times as slow
			count = max(1, count/8)
		}
		return func() {
			var wg sync.WaitGroup
			for i := range count {
				wg.Go(func() { attack(i) })
			}
			wg.Wait()
		}
	}
	http1 := func() *raw { return n.dial(t, f, bad, "http/1.1") }
	cut := func(what string, took, limit time.Duration) {
		if took > limit+patient {
			t.Errorf("%s went on for %s, with a limit of %s", what, took, limit)
		}
	}
	refused := func(what, request, want string) {
		status := ""
		for i := 0; i < attempts && status == ""; i++ {
			c := http1()
			c.send(request)
			status = c.status()
			c.Close()
		}
		if !strings.HasPrefix(status, want) {
			t.Errorf("%s is answered %q, and not refused with %s", what, status, want)
		}
	}
	const size = 60 << 10
	deep := strings.Repeat(`{"a":`, size/5)
	attacks := map[string]func(){
		"handshakes that never begin": many(50, func(int) {
			c, err := net.DialTimeout("tcp", n.srv.Addr(), patient)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			begun := time.Now()
			_ = c.SetReadDeadline(begun.Add(2 * patient))
			_, _ = c.Read(make([]byte, 1)) // to the end of the connection
			cut("a handshake", time.Since(begun), readHeaderTimeout)
		}),
		"headers byte by byte": many(50, func(int) {
			cut("a header", http1().drip("GET /registry/services HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 10_000), 50*time.Millisecond), readHeaderTimeout)
		}),
		"bodies byte by byte": many(10, func(int) {
			c := http1()
			c.send(post(size, ""))
			cut("a body", c.drip(strings.Repeat(" ", size), 100*time.Millisecond), readTimeout)
		}),
		"huge headers": many(20, func(int) {
			refused("a header of 64 KiB", "GET /ready HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n", "431")
		}),
		"many headers": many(20, func(int) {
			refused("ten thousand headers", "GET /ready HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("A: b\r\n", 10_000)+"\r\n", "431")
		}),
		"compressed bodies": many(20, func(int) {
			var bomb bytes.Buffer
			z := gzip.NewWriter(&bomb)
			_, _ = io.CopyN(z, zeros{}, 8<<20) // a buffer takes everything
			z.Close()
			refused("a compressed body", post(bomb.Len(), "Content-Encoding: gzip\r\n")+bomb.String(), "4")
		}),
		"deep JSON":    many(20, func(int) { refused("deep JSON", post(len(deep), "")+deep, "400") }),
		"long bodies":  many(20, func(int) { refused("a body of a gigabyte", post(1<<30, "")+strings.Repeat(" ", 1000), "413") }),
		"slow readers": many(50, func(int) { readNothing(t, http1) }),
		"rapid resets": many(3, func(int) { n.dial(t, f, bad, "h2").rapidResets() }),
		"continuation": many(3, func(int) { n.dial(t, f, bad, "h2").continuations() }),
	}
	var wg sync.WaitGroup
	for _, attack := range attacks {
		wg.Go(attack)
	}
	churned := make(chan struct{})
	stop := make(chan struct{})
	c := n.as(f, f.client("churn"), 1)
	var changes int64
	go func() { // so that streams have something to say
		defer close(churned)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			resp, data, err := c.tryAgain("POST", "/registry/register", "", wire.Registration{ServiceName: "orders", InstanceID: "c", Port: 1,
				Weight: i%100 + 1, Metadata: map[string]string{"pad": strings.Repeat("x", 8000)}})
			changes++
			if err != nil || resp.StatusCode/100 != 2 {
				t.Errorf("a registration meanwhile: %v, %s", err, data)
				return
			}
		}
	}()
	ended := make(chan struct{})
	go func() { defer close(ended); wg.Wait() }()
	worst := usage{}
	for attacking := true; attacking; {
		select {
		case <-ended:
			attacking = false
		case <-time.After(500 * time.Millisecond):
		}
		now := measure()
		worst = usage{max(worst.descriptors, now.descriptors), max(worst.goroutines, now.goroutines), max(worst.heap, now.heap)}
	}
	close(stop)
	<-churned
	t.Logf("at worst %s", worst)
	// Both ends of a few hundred connections are in this process, and the logs for those who
	// resume, which bound themselves: how much of them is full depends on how long this took.
	before.heap += min(changes*32<<10, 112<<20)
	if worst.descriptors > before.descriptors+1000 || worst.goroutines > before.goroutines+3000 || worst.heap > before.heap+200<<20 {
		t.Errorf("before %s, at worst %s", before, worst)
	}
	heart.end(patient)
	returned(t, before)
}

// readNothing opens a stream and reads none of it for a while: the server must not wait for
// it, and must not keep more for it than its buffers.
func readNothing(t *testing.T, dial func() *raw) {
	var c *raw
	status := ""
	for i := 0; i < attempts && status == ""; i++ {
		c = dial()
		defer c.Close()
		c.send("GET /registry/watch HTTP/1.1\r\nHost: x\r\n\r\n")
		status = c.status()
	}
	if !strings.HasPrefix(status, "200") {
		t.Errorf("the stream begins with %q", status)
	}
	time.Sleep(10 * time.Second) // longer than it takes to fill all buffers; nothing waits for it
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
