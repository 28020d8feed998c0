package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
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

// childVariable makes the test binary a client of a measurement, in a process of its own: what it
// needs to know, divided by new lines.
const childVariable = "ROSTER_TEST_CLIENT"

// beater is a client process: so many connections, each of which beats for an instance again
// and again, with a pause between its beats.
type beater struct {
	url, dir, name, service, id, token string
	connections                        int
	pause, lasts                       time.Duration
}

func (b beater) encode() string {
	return strings.Join([]string{b.url, b.dir, b.name, b.service, b.id, b.token, strconv.Itoa(b.connections), b.pause.String(), b.lasts.String()}, "\n")
}

// beat runs in the child. It prints how long each beat took, in microseconds.
func beat(text string) error {
	part := strings.Split(text, "\n")
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
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childVariable+"="+b.encode(), "GOMAXPROCS=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() []int {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		var took []int
		for word := range strings.FieldsSeq(out.String()) {
			us, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			took = append(took, us)
		}
		if slices.Sort(took); len(took) == 0 {
			t.Fatal("no beat was answered")
		}
		return took
	}
}

// TestFairness measures how much slower the heartbeats of one identity get while another floods
// the node with its own over 64 connections, each client in a process of its own, without and
// with shares. It prints what it finds, and judges only that both are answered: how long that
// takes is the machine's.
func TestFairness(t *testing.T) {
	if os.Getenv("ROSTER_FAIRNESS") == "" {
		t.Skip("a measurement for a machine that does nothing else; set ROSTER_FAIRNESS to a duration, such as 10s")
	}
	slice, err := time.ParseDuration(os.Getenv("ROSTER_FAIRNESS"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fair := range []bool{false, true} {
		t.Run(fmt.Sprintf("shares=%v", fair), func(t *testing.T) {
			f := newFolder(t)
			n := serve(t, Options{Config: secure(f), noShares: !fair})
			client := func(name string, connections int, pause, lasts time.Duration) beater {
				mine := n.as(f, f.client(name), 1).register(201, name, "i", "")
				return beater{"https://" + n.srv.Addr(), f.dir, name, name, "i", mine.Token, connections, pause, lasts}
			}
			const before = 4 * time.Second // until the flood is in full swing, and was seen
			quiet := client("quiet", 1, 2*time.Millisecond, slice)
			alone := quiet.start(t)()
			flood := client("flood", 64, 0, slice+before+time.Second)
			ended := flood.start(t)
			time.Sleep(before)
			beside := quiet.start(t)()
			flooded := ended()
			at := func(took []int, percent int) float64 { return float64(took[len(took)*percent/100]) }
			t.Logf("p50 %.0f us alone, %.0f us beside the flood: ratio %.1f", at(alone, 50), at(beside, 50), at(beside, 50)/at(alone, 50))
			t.Logf("p99 %.0f us alone, %.0f us beside the flood: ratio %.1f", at(alone, 99), at(beside, 99), at(beside, 99)/at(alone, 99))
			t.Logf("the flood gets %.0f heartbeats a second", float64(len(flooded))/flood.lasts.Seconds())
		})
	}
}
