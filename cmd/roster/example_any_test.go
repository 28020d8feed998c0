package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestExampleAny: the script of examples/any, under roster run as its README says, is found
// by name and serves.
func TestExampleAny(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		if _, err := exec.LookPath("busybox"); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal("neither python3 nor busybox is installed")
			}
			t.Skip("neither python3 nor busybox is installed, and the example serves with one of them")
		}
	}
	folder, err := filepath.Abs(root + "/examples/any")
	if err != nil {
		t.Fatal(err)
	}
	readme := read(t, "examples/any/README.md")
	const command = "roster run --name files -- ./serve.sh"
	if !strings.Contains(readme, "$ "+command+"\n") {
		t.Errorf("the README does not say %q", command)
	}
	w := newWorld(t).mayStart()
	p := &process{t: t, cmd: w.command(strings.Fields(command)[1:]...), ended: make(chan struct{})}
	p.cmd.Dir = folder
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	p.begin()
	eventually(t, "it is registered", func() bool { return strings.Contains(p.err.String(), " is registered at ") })
	at, _, code := w.run("resolve", "files")
	if code != 0 {
		t.Fatalf("resolve: exit status %d", code)
	}
	if status, body := get("http://" + strings.TrimSpace(at) + "/serve.sh"); status != http.StatusOK || !strings.HasPrefix(body, "#!/bin/sh\n") {
		t.Errorf("status %d, %q", status, body)
	}
	p.signal(syscall.SIGTERM)
	p.wait()
	if _, _, code := w.run("resolve", "files"); code != 3 {
		t.Errorf("after its end: exit status %d, want not found", code)
	}
}
