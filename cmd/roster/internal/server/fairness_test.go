package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-sd/roster/wire"
)

// beater is a client process: so many connections, each of which beats for an instance again
// and again, with a pause between its beats.
type beater struct {
	url, dir, name, service, id, token string
	connections                        int
	pause, lasts                       time.Duration
	by                                 []string // the command that runs it, if any
}

func (b beater) encode() string {
	return strings.Join([]string{b.url, b.dir, b.name, b.service, b.id, b.token, strconv.Itoa(b.connections), b.pause.String(), b.lasts.String()}, "\n")
}

// beat runs in the child. It prints how long each beat took, in microseconds.
func beat(part []string) error {
	b := beater{url: part[0], dir: part[1], name: part[2], service: part[3], id: part[4], token: part[5]}
	var err1, err2, err3 error
	b.connections, err1 = strconv.Atoi(part[6])
	b.pause, err2 = time.ParseDuration(part[7])
	b.lasts, err3 = time.ParseDuration(part[8])
	pair, err4 := tls.LoadX509KeyPair(b.dir+"/"+b.name+".crt", b.dir+"/"+b.name+"-key.pem")
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.lasts)
	defer cancel()
	var mu sync.Mutex
	var took []int64
	var wg sync.WaitGroup
	for range b.connections {
		wg.Go(func() {
			own := b.connection(ctx, &pair)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
		})
	}
	wg.Wait()
	for _, us := range took {
		fmt.Println(us)
	}
	return nil
}

func (b beater) connection(ctx context.Context, pair *tls.Certificate) (took []int64) {
	transport := &http.Transport{MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{*pair}}}
	defer transport.CloseIdleConnections()
	body := fmt.Sprintf(`{"serviceName":%q,"instanceId":%q}`, b.service, b.id)
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, "POST", b.url+"/registry/heartbeat", strings.NewReader(body))
		if err != nil {
			return took
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(wire.HeaderToken, b.token)
		begun := time.Now()
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return took
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode == 200 {
			took = append(took, time.Since(begun).Microseconds())
		}
		if b.pause > 0 {
			time.Sleep(b.pause)
		}
	}
	return took
}

// start runs the client; wait gives how long its beats took, in order of size.
func (b beater) start(t *testing.T) (wait func() []int) {
	t.Helper()
	c := startChildBy(t, b.by, "beat", b.encode())
	return func() []int {
		t.Helper()
		var took []int
		for line := range c.lines {
			us, err := strconv.Atoi(line)
			if err != nil {
				t.Fatal(err)
			}
			took = append(took, us)
		}
		c.end()
		if slices.Sort(took); len(took) == 0 {
			t.Fatal("no beat was answered")
		}
		return took
	}
}

// TestFairness measures how much slower the heartbeats of one identity get while another floods
// the node with its own over 64 connections, each client in a process of its own: without shares,
// with them, and, to tell what of that is the machine's, with as many heartbeats as the flood was
// left with shares, sent to another node on the same machine, and with a flood that has of this
// machine's processors only what nobody else wants (SCHED_IDLE), as one from another machine has. It
// prints what it finds, and judges only that all are answered: how long that takes is the machine's.
func TestFairness(t *testing.T) {
	if os.Getenv("ROSTER_FAIRNESS") == "" {
		t.Skip("a measurement for a machine that does nothing else; set ROSTER_FAIRNESS to a duration, such as 10s")
	}
	slice, err := time.ParseDuration(os.Getenv("ROSTER_FAIRNESS"))
	if err != nil {
		t.Fatal(err)
	}
	left := 0.0 // heartbeats a second that the flood has with shares
	for _, arm := range []string{"without shares", "with shares", "elsewhere", "idle without shares", "idle with shares"} {
		t.Run(arm, func(t *testing.T) {
			var by []string
			if strings.HasPrefix(arm, "idle") {
				if _, err := exec.LookPath("chrt"); err != nil {
					t.Skip("chrt (util-linux) is not installed")
				}
				by = []string{"chrt", "--idle", "0"}
			}
			f := newFolder(t)
			n := serve(t, Options{Config: secure(f), noShares: !strings.HasSuffix(arm, "with shares")})
			client := func(name, address string, connections int, pause, lasts time.Duration) beater {
				c := n.as(f, f.client(name), 1)
				c.base = "https://" + address
				mine := c.register(201, name, "i", "")
				return beater{c.base, f.dir, name, name, "i", mine.Token, connections, pause, lasts, nil}
			}
			const connections, before = 64, 4 * time.Second // until the flood is in full swing, and was seen
			quiet := client("quiet", n.srv.Addr(), 1, 2*time.Millisecond, slice)
			alone := quiet.start(t)()
			address, pause := n.srv.Addr(), time.Duration(0)
			if arm == "elsewhere" {
				address = startNeighbour(t, f)
				pause = time.Duration(connections / left * float64(time.Second))
			}
			flood := client("flood", address, connections, pause, slice+before+time.Second)
			flood.by = by
			ended := flood.start(t)
			time.Sleep(before)
			beside := quiet.start(t)()
			flooded := float64(len(ended())) / flood.lasts.Seconds()
			if arm == "with shares" {
				left = flooded
			}
			at := func(took []int, percent int) float64 { return float64(took[len(took)*percent/100]) }
			t.Logf("p50 %.0f us alone, %.0f us beside the flood: ratio %.1f", at(alone, 50), at(beside, 50), at(beside, 50)/at(alone, 50))
			t.Logf("p99 %.0f us alone, %.0f us beside the flood: ratio %.1f", at(alone, 99), at(beside, 99), at(beside, 99)/at(alone, 99))
			t.Logf("the flood gets %.0f heartbeats a second", flooded)
		})
	}
}

// startNeighbour runs another node in a process of its own, with the certificates of the folder,
// and gives its address.
func startNeighbour(t *testing.T, f *folder) (address string) {
	t.Helper()
	c := startChild(t, "node", f.dir)
	t.Cleanup(c.end)
	return c.hear("at ")
}

// neighbour runs in the child, until its standard input ends.
func neighbour(dir string) error {
	cfg := free()
	cfg.TLS = (&folder{dir: dir}).configuration()
	srv, err := Open(Options{Config: cfg, Logger: slog.New(slog.DiscardHandler), noShares: true})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	fmt.Println("at " + srv.Addr())
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_, _ = io.Copy(io.Discard, os.Stdin) // to its end
		stop()
	}()
	err = srv.Run(ctx)
	<-heard
	return err
}
