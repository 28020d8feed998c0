package tcpproxy_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/internal/tcpproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patient = 30 * time.Second

// answerer answers each line with its name and the line, and the end of the lines with
// "bye".
func answerer(t *testing.T, name string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				lines := bufio.NewScanner(c)
				for lines.Scan() {
					if _, err := io.WriteString(c, name+" "+lines.Text()+"\n"); err != nil {
						return
					}
				}
				if lines.Err() == nil {
					_, _ = io.WriteString(c, "bye\n") // nobody may be there any more
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); work.Wait() })
	return l.Addr().String()
}

type caller struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, p *tcpproxy.Proxy) *caller {
	t.Helper()
	c, err := net.DialTimeout("tcp", p.Addr(), patient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &caller{t, c, bufio.NewReader(c)}
}

func (c *caller) say(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// hear reads a line; within bounds the wait.
func (c *caller) hear(within time.Duration) (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(within))
	line, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

func (c *caller) wants(want string) {
	c.t.Helper()
	if got, err := c.hear(patient); got != want || err != nil {
		c.t.Errorf("heard %q, %v; want %q", got, err, want)
	}
}

func start(t *testing.T, target string) *tcpproxy.Proxy {
	t.Helper()
	p, err := tcpproxy.New(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// ended tells that the connection ended by a reset or an end, not by the wait.
func ended(err error) bool { return err != nil && !errors.Is(err, os.ErrDeadlineExceeded) }

func TestPasses(t *testing.T) {
	p := start(t, answerer(t, "a"))
	c := dial(t, p)
	c.say("1")
	c.wants("a 1")
	// The end of the data is passed on as such: what the target says after it arrives.
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.wants("bye")
	if _, err := c.hear(patient); !errors.Is(err, io.EOF) {
		t.Errorf("after the target's end: %v", err)
	}
}

func TestReset(t *testing.T) {
	p := start(t, answerer(t, "a"))
	old := dial(t, p)
	old.say("1")
	old.wants("a 1")
	p.Cut(tcpproxy.Reset)
	if _, err := old.hear(patient); !ended(err) {
		t.Errorf("a connection from before the cut: %v", err)
	}
	unanswered(t, p)
	p.Heal()
	c := dial(t, p)
	c.say("3")
	c.wants("a 3")
}

func TestBlackHole(t *testing.T) {
	p := start(t, answerer(t, "a"))
	old := dial(t, p)
	old.say("1")
	old.wants("a 1")
	p.Cut(tcpproxy.BlackHole)
	old.say("2")
	fresh := dial(t, p)
	fresh.say("3")
	const silence = 150 * time.Millisecond
	for name, c := range map[string]*caller{"old": old, "new": fresh} {
		if got, err := c.hear(silence); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the %s connection heard %q, %v", name, got, err)
		}
	}
	p.Heal()
	old.wants("a 2")
	fresh.wants("a 3")
}

func TestBlackHoleThenReset(t *testing.T) {
	p := start(t, answerer(t, "a"))
	c := dial(t, p)
	c.say("1")
	c.wants("a 1")
	p.Cut(tcpproxy.BlackHole)
	c.say("2")
	p.Cut(tcpproxy.Reset)
	if got, err := c.hear(patient); !ended(err) {
		t.Errorf("heard %q, %v", got, err)
	}
}

func TestRedirect(t *testing.T) {
	p := start(t, answerer(t, "a"))
	old := dial(t, p)
	old.say("1")
	old.wants("a 1")
	p.Redirect(answerer(t, "b"))
	if _, err := old.hear(patient); !ended(err) {
		t.Errorf("a connection to the first target: %v", err)
	}
	c := dial(t, p)
	c.say("2")
	c.wants("b 2")
}

// TestNobodyThere: a target that is gone is no silence.
func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	unanswered(t, start(t, l.Addr().String()))
}

// unanswered tries a new connection. The system may take it before the proxy ends it, but
// nothing answers it.
func unanswered(t *testing.T, p *tcpproxy.Proxy) {
	t.Helper()
	c, err := net.DialTimeout("tcp", p.Addr(), patient)
	if err != nil {
		if !ended(err) {
			t.Error(err)
		}
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, "hello\n") // may be refused already
	_ = c.SetReadDeadline(time.Now().Add(patient))
	if n, err := c.Read(make([]byte, 1)); n != 0 || !ended(err) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

// TestClose ends what flows and what waits in a black hole, and may be called again.
func TestClose(t *testing.T) {
	p := start(t, answerer(t, "a"))
	c := dial(t, p)
	c.say("1")
	c.wants("a 1")
	p.Cut(tcpproxy.BlackHole)
	c.say("2")
	waiting := dial(t, p)
	waiting.say("3")
	p.Close()
	p.Close()
	for _, c := range []*caller{c, waiting} {
		if got, err := c.hear(patient); !ended(err) {
			t.Errorf("heard %q, %v", got, err)
		}
	}
	if _, err := net.DialTimeout("tcp", p.Addr(), patient); err == nil {
		t.Error("it still listens")
	}
}
