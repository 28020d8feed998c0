package main

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestStateFileCannotGrow takes from a registry the right to make files longer, as a full
// disk does. It goes on in memory, says so once and in /ready, and writes all that lives
// when it may again.
func TestStateFileCannotGrow(t *testing.T) {
	t.Parallel()
	const n = 100 // of some 400 bytes each
	w := newWorld(t)
	p, url := w.dev()
	c := dial(t, url)
	limit := func(size uint64) {
		t.Helper()
		var now unix.Rlimit
		pid := p.cmd.Process.Pid
		if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &now); err != nil {
			t.Fatal(err)
		}
		now.Cur = min(size, now.Max) // the soft one alone can be raised again
		if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &now, nil); err != nil {
			t.Fatal(err)
		}
	}
	limit(8 << 10)
	for i := range n {
		registerNative(t, c, strconv.Itoa(i), time.Hour)
	}
	eventually(t, "it says that the file cannot be written", func() bool {
		return strings.Contains(p.err.String(), "state file: it cannot be written; going on in memory, and trying again")
	})
	if len(listed(t, c, "native")) != n || !p.running() {
		t.Fatal("instances were lost in memory")
	}
	if status, reasons := readiness(t, url); status != "degraded" || !strings.Contains(strings.Join(reasons, ""), "the state file cannot be written") {
		t.Errorf("/ready says %s, %v", status, reasons)
	}
	limit(unix.RLIM_INFINITY)
	eventually(t, "the file is written again", func() bool { return strings.Contains(p.err.String(), "state file: written again") })
	if status, reasons := readiness(t, url); status != "ok" {
		t.Errorf("then /ready says %s, %v", status, reasons)
	}
	if told := strings.Count(p.err.String(), `"level":"ERROR"`); told != 1 {
		t.Errorf("%d errors were logged, want one", told)
	}
	p.kill()
	_, url = w.dev()
	if got := len(listed(t, dial(t, url), "native")); got != n {
		t.Errorf("%d came back, want %d", got, n)
	}
}

// TestStateFileOnAFullDisk starts a registry that may not write a longer file from the
// beginning, as the shell's ulimit has it.
func TestStateFileOnAFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	roster, err := exec.LookPath("roster")
	if err != nil {
		t.Fatal(err)
	}
	stored := newWorld(t) // whose file is already longer
	p, url := stored.dev()
	for i := range 40 {
		registerNative(t, dial(t, url), strconv.Itoa(i), time.Hour)
	}
	stored.written(`"39"`)
	p.kill()
	w.env = append(w.env, "XDG_STATE_HOME="+strings.TrimSuffix(stored.stateFile(), "/roster/dev.state"))

	p = &process{t: t, cmd: exec.Command("sh", "-c", `ulimit -f 4; exec "$0" dev --log-level debug`, roster), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = w.env, w.temp, &p.out, &p.err
	p.begin()
	url = w.answers(p)
	c := dial(t, url)
	if got := len(listed(t, c, "native")); got != 40 {
		t.Fatalf("%d came back, want 40", got)
	}
	registerNative(t, c, "one-more", time.Hour)
	eventually(t, "it says that the file cannot be written", func() bool { return strings.Contains(p.err.String(), "state file: it cannot be written") })
	p.kill()

	_, url = stored.dev()
	if ids := listed(t, dial(t, url), "native"); len(ids) != 40 {
		t.Errorf("%d came back, want the 40 that were written", len(ids))
	}
}

// readiness gives the status of /ready and the reasons for it.
func readiness(t *testing.T, url string) (status string, reasons []string) {
	t.Helper()
	code, body := get(url + "/ready")
	var ready struct {
		Status  string
		Reasons []string
	}
	if err := json.Unmarshal([]byte(body), &ready); code != http.StatusOK || err != nil {
		t.Fatalf("/ready: %d, %s", code, body)
	}
	return ready.Status, ready.Reasons
}
