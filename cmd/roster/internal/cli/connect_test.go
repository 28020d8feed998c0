package cli

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/roster-sd/roster/internal/devfile"
)

// announce writes a discovery file that leads to the URL.
func announce(t *testing.T, dir, address string, pid int) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := devfile.Write(dir, devfile.Info{Host: u.Hostname(), Port: port, PID: pid}); err != nil {
		t.Fatal(err)
	}
}

func deadPID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestWhereTheRegistryIs(t *testing.T) {
	answer := func(name string) string {
		return registry(t, map[string]string{
			"GET /registry/services": `{"services":[{"serviceName":"` + name + `"}]}`,
			"GET /health":            fmt.Sprintf(`{"ok":true,"pid":%d}`, os.Getpid()), // a local one proves who it is
		})
	}
	w := newWorld(t)
	find := func(want string, args ...string) {
		t.Helper()
		if code := w.run(append([]string{"ls"}, args...)...); code != ExitOK || !strings.Contains(w.out.String(), want) {
			t.Errorf("exit status %d, output %q, messages %q; want %s", code, &w.out, &w.err, want)
		}
	}
	announce(t, w.dir, answer("local"), os.Getpid())
	find("local")
	w.env["ROSTER_CA"] = "/does/not/exist" // is for other registries than the local one
	find("local")
	delete(w.env, "ROSTER_CA")
	w.env["ROSTER_ADDRESS"] = " " + nobody() + " , " + strings.TrimPrefix(answer("environment"), "http://")
	find("environment")
	find("flag", "--address", answer("flag"))
	find("second", "--address", nobody()+","+answer("second"))
}

func TestNoRegistry(t *testing.T) {
	const want = "roster: no registry is given, and no local one is running\n" +
		"Start one on this machine:  roster dev\n" +
		"Or say where it is:         --address HOST:PORT, or ROSTER_ADDRESS\n"
	w := newWorld(t)
	if code := w.run("ls"); code != ExitUnavailable || w.err.String() != want {
		t.Errorf("exit status %d, messages %q", code, &w.err)
	}
	announce(t, w.dir, "http://127.0.0.1:1", deadPID(t))
	if code := w.run("ls"); code != ExitUnavailable || w.err.String() != want {
		t.Errorf("stale: exit status %d, messages %q", code, &w.err)
	}
	if code := w.run("ls", "--ca", "ca.crt"); code != ExitUsage || !strings.Contains(w.err.String(), "--address") {
		t.Errorf("TLS without an address: exit status %d, messages %q", code, &w.err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, devfile.Name), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := w.run("ls"); code != ExitError || !strings.Contains(w.err.String(), w.dir) || !strings.Contains(w.err.String(), "Remove that file") {
		t.Errorf("untrusted: exit status %d, messages %q", code, &w.err)
	}
}
