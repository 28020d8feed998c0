package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the server and gives the address that it announced.
func start(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, args, w)
		w.Close()
	}()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil {
		t.Fatalf("no announcement: %v", err)
	}
	var said struct {
		Address    string
		GOMAXPROCS int
	}
	if err := json.Unmarshal(line, &said); err != nil || said.GOMAXPROCS < 1 {
		t.Fatalf("announcement %q: %v", line, err)
	}
	return said.Address
}

func TestAnswersTheSizeAskedFor(t *testing.T) {
	address := start(t, "--sizes", "10,417,5000")
	for _, n := range []int{10, 417, 5000} {
		for method, body := range map[string]string{"GET": "", "POST": `{"serviceName":"s","instanceId":"i"}`} {
			req, err := http.NewRequest(method, "http://"+address+"/bare/"+strconv.Itoa(n)+"/x/y", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 200 || len(got) != n || !json.Valid(got) {
				t.Errorf("%s %d: status %d, %d bytes, %v", method, n, resp.StatusCode, len(got), err)
			}
			if resp.ContentLength != int64(n) || resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %d: length %d, headers %v", method, n, resp.ContentLength, resp.Header)
			}
		}
	}
}

func TestRefusesWhatItWasNotMadeFor(t *testing.T) {
	address := start(t, "--sizes", "10")
	for body, want := range map[string]int{`{"serviceName":`: 400, `{}`: 400, `{"serviceName":"s","instanceId":"i"}`: 200} {
		resp, err := http.Post("http://"+address+"/bare/10/", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("POST %s: status %d, want %d", body, resp.StatusCode, want)
		}
	}
	resp, err := http.Get("http://" + address + "/bare/11/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("a size that was not given: status %d", resp.StatusCode)
	}
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{{"--sizes", ""}, {"--sizes", "9"}, {"--sizes", "ten"}, {"--sizes", "10", "--cert", "/nonexistent"}} {
		if err := run(context.Background(), args, io.Discard); err == nil {
			t.Errorf("run(%v) gave no error", args)
		}
	}
}
