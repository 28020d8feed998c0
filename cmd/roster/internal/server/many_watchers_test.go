package server

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/admit"
	"github.com/roster-sd/roster/wire"
)

// TestManyWatchers: of very many who watch a service a fifth stops reading. Those who read are
// told of every round of changes; those who do not are told to resync once they read again, or
// are cut off; the memory for all of them is bounded, and another's heartbeats are answered.
// ROSTER_WATCHERS=5000 is its full size.
func TestManyWatchers(t *testing.T) {
	count := sized(t, "ROSTER_WATCHERS", 300)
	if most := connectionsWithin(admit.Descriptors()) - 100; count > most {
		t.Skipf("this process may have %d descriptors", admit.Descriptors())
	}
	cfg := free()
	cfg.Lease.DefaultTTL = time.Hour // nobody but the heart renews
	n := serve(t, Options{Config: cfg, Insecure: true})
	owner := n.plain(n.srv.Addr())
	churn := n.churners(8)
	heart := n.beating(n.plain(n.srv.Addr()))
	eventually(t, "the heart beats", func() bool { return heart.since() >= 50 })
	if count > 1000 { // a measurement, on a machine that does nothing else
		time.Sleep(5 * time.Second)
	}
	quiet, calm := heart.lap(), time.Duration(0)
	before := measure()

	silent := count / 5
	c := startChild(t, "follow", n.srv.Addr(), strconv.Itoa(count), strconv.Itoa(silent))
	c.hear("open")
	open := measure()
	if heart.lap(); count > 1000 {
		for range 20 {
			time.Sleep(250 * time.Millisecond)
			churn(1) // of each
		}
		calm = heart.lap()
	}
	const changes, rounds = 1200, 20
	began, resynced, round := time.Now(), 0, 0
	for lagging := 0; lagging < silent; {
		if round++; round > rounds {
			t.Fatalf("after %d changes %d of %d who do not read are known to lag", rounds*changes, lagging, silent)
		}
		churn(changes)
		owner.register(201, "orders", fmt.Sprintf("round-%d", round), "")
		c.say(fmt.Sprintf("round-%d", round))
		told := c.hear("served ") // every reader has seen the end of the round, and why it was told to resync before
		var err error
		if resynced, err = strconv.Atoi(told); err != nil {
			t.Fatal(err)
		}
		lagging = int(n.srv.catalog.Stats().Lagged) - resynced
	}
	took := time.Since(began)
	busy := heart.lap()
	worst := measure()
	heart.end(patient)
	each := (worst.heap - before.heap) / int64(count)
	t.Logf("%d watchers, %d of whom do not read: open %s; after %d changes in %s %s, %d bytes each, resident %s; %d times a reader was told to resync; buffers of TCP: %s; p99 of a heartbeat %s, with 8 changes four times a second %s, quiet %s",
		count, silent, open, round*changes, took.Round(time.Millisecond), worst, each, resident(), resynced, buffers(), busy, calm, quiet)
	if each > 64<<10+(24<<20)/int64(count) {
		t.Errorf("a watcher takes %d bytes", each)
	}
	c.say("read")
	t.Logf("of those who did not read: %s", c.hear("told "))
	c.end()
	returned(t, before)
}

// churners gives what makes so many changes, from several callers at once, each of an instance of
// its own.
func (n *node) churners(callers int) func(changes int) {
	n.t.Helper()
	type churner struct {
		*caller
		id, token string
		weight    int
	}
	all := make([]*churner, callers)
	pad := map[string]string{"pad": strings.Repeat("x", 400)}
	for i := range all {
		c := &churner{caller: n.plain(n.srv.Addr()), id: fmt.Sprint("o-", i)}
		var mine wire.Registered
		c.call(201, "POST", "/registry/register", "", wire.Registration{ServiceName: "orders", InstanceID: c.id, Port: 1, Metadata: pad}, &mine)
		handedOut.Store(mine.Token, true)
		c.token, all[i] = mine.Token, c
	}
	return func(changes int) {
		n.t.Helper()
		var wg sync.WaitGroup
		for _, c := range all {
			wg.Go(func() {
				for range max(1, changes/callers) {
					c.weight = c.weight%10_000 + 1
					resp, data, err := c.try("PATCH", "/registry/services/orders/"+c.id, c.token, map[string]int{"weight": c.weight})
					if err != nil || resp.StatusCode != 200 {
						n.t.Errorf("a change: %v, %s", err, data)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// follow runs in the child: watchers, of whom the last few do not read.
func follow(part []string) error {
	count, err1 := strconv.Atoi(part[1])
	silent, err2 := strconv.Atoi(part[2])
	if err1 != nil || err2 != nil {
		return fmt.Errorf("follow %q", part)
	}
	f := &followers{address: part[0], seen: make(map[string]int), rounds: make(chan string, 64)}
	f.more.L = &f.mu
	var opened sync.WaitGroup
	for i := range count {
		opened.Add(1)
		go func() { // ends with the process
			if err := f.watch(i >= count-silent, opened.Done); err != nil {
				fmt.Fprintln(os.Stderr, "a watcher:", err)
				os.Exit(1)
			}
		}()
		if i%64 == 63 {
			opened.Wait()
		}
	}
	opened.Wait()
	fmt.Println("open")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "read" {
			close(f.rounds)
			f.until(func() bool { return f.resyncs-f.before+f.cut >= silent })
			f.note(func() { fmt.Printf("told to resync %d, cut off %d\n", f.resyncs-f.before, f.cut) })
			continue
		}
		f.until(func() bool { return f.seen[lines.Text()] >= count-silent })
		f.note(func() { f.before = f.resyncs })
		fmt.Println("served", f.before)
	}
	return nil // and with it all connections
}

type followers struct {
	address string
	rounds  chan string // closed when the silent are to read

	mu           sync.Mutex
	more         sync.Cond
	seen         map[string]int // by the end of a round, how many have seen it
	resyncs, cut int
	before       int // resyncs of readers
}

func (f *followers) until(is func() bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !is() {
		f.more.Wait()
	}
}

// watch follows a stream. A silent one reads the snapshot, then nothing until it is let, and then
// to where it is told to resync, or to the end.
func (f *followers) watch(silent bool, opened func()) error {
	c, err := net.DialTimeout("tcp", f.address, patient)
	if err != nil {
		return err
	}
	defer c.Close()
	if silent { // so that little of what it does not read is kept on its side
		if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			return err
		}
	}
	fmt.Fprint(c, "GET /registry/watch?service=orders HTTP/1.1\r\nHost: x\r\n\r\n")
	in := bufio.NewReaderSize(c, 16<<10)
	begun, seen := false, map[string]bool{}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			if silent && begun {
				f.note(func() { f.cut++ })
				return nil
			}
			return fmt.Errorf("cut off: %w", err)
		}
		text := string(line)
		if strings.HasPrefix(text, "event: resync") {
			f.note(func() { f.resyncs++ })
			if silent {
				return nil
			}
		}
		for _, part := range strings.Split(text, `"instanceId":"`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			if !silent && strings.HasPrefix(name, "round-") && !seen[name] {
				seen[name] = true
				f.note(func() { f.seen[name]++ })
			}
		}
		if strings.Contains(text, `"last":true`) && !begun {
			if begun = true; silent {
				opened()
				<-f.rounds
				continue
			}
			opened()
		}
	}
}

func (f *followers) note(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
	f.more.Broadcast()
}

// resident is how much memory this process has of the machine's, as far as it is told.
func resident() string { return lineOf("/proc/self/status", "VmRSS:") }

// buffers is what the system keeps for all connections of the machine, in pages.
func buffers() string { return lineOf("/proc/net/sockstat", "TCP:") }

func lineOf(file, begin string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, begin); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "unknown"
}
