package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// attacker is a web server with the page testdata/browser/attack.html, which tells it
// what it found out, and is told which page is next.
type attacker struct {
	*httptest.Server
	reports chan []finding
	next    chan string
	log     transcript // of the browser
}

// finding is what one attempt of the page could read; nil for nothing.
type finding struct {
	Name string
	Read *string
}

func newAttacker(t *testing.T) *attacker {
	t.Helper()
	page, err := os.ReadFile("testdata/browser/attack.html")
	if err != nil {
		t.Fatal(err)
	}
	a := &attacker{reports: make(chan []finding), next: make(chan string)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /attack", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	mux.HandleFunc("POST /report", func(w http.ResponseWriter, r *http.Request) {
		var list []finding
		if err := json.NewDecoder(r.Body).Decode(&list); err != nil {
			t.Errorf("report: %v", err)
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		select {
		case a.reports <- list:
		case <-t.Context().Done():
			return
		}
		select {
		case next := <-a.next:
			_, _ = io.WriteString(w, next)
		case <-t.Context().Done():
		}
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

// page gives the address of the page at an origin, for an attack on the target; an empty
// one is the page's own origin.
func (a *attacker) page(origin, target string) string {
	return origin + "/attack?" + url.Values{"target": {target}, "home": {a.URL}}.Encode()
}

// browse opens the page in a real browser, which ends with the test. The rules say where
// names lead.
func (a *attacker) browse(t *testing.T, page, rules string) {
	t.Helper()
	profile := t.TempDir()
	cmd := exec.Command(browser(t), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-extensions", "--no-proxy-server",
		"--remote-debugging-port=0", // without it, it ends once the page is there
		"--user-data-dir="+profile, "--host-resolver-rules="+rules, page)
	cmd.Stdout, cmd.Stderr = &a.log, &a.log
	cmd.Env = append(os.Environ(), "HOME="+profile, "TMPDIR="+profile)
	// It is many processes, which are to end together.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = patient
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
		// Some of the processes write for a moment yet; the folder is removed after this.
		poll(func() bool { return syscall.Kill(-cmd.Process.Pid, 0) != nil })
	})
}

func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	lacking(t, "no browser is installed. On Debian: apt-get install chromium")
	return ""
}

// report waits for what the page found out.
func (a *attacker) report(t *testing.T) []finding {
	t.Helper()
	select {
	case list := <-a.reports:
		return list
	case <-time.After(4 * patient):
		t.Fatalf("the page has reported nothing; the browser says:\n%s", &a.log)
		return nil
	}
}

// goOn tells the page that has reported where to go.
func (a *attacker) goOn(t *testing.T, page string) {
	t.Helper()
	select {
	case a.next <- page:
	case <-time.After(patient):
		t.Fatalf("no page waits for the next; the browser says:\n%s", &a.log)
	}
}

// decoy is a server that answers everything and defends nothing.
type decoy struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // method, path and content type
}

func newDecoy(t *testing.T) *decoy {
	t.Helper()
	d := &decoy{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		d.mu.Lock()
		d.seen = append(d.seen, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+kind))
		d.mu.Unlock()
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
		w.Header().Set("Access-Control-Allow-Headers", "*")
		fmt.Fprint(w, "{}")
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *decoy) saw(what string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.seen, what)
}
