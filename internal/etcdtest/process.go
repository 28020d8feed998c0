//go:build unix

package etcdtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a child that has been started.
type process struct {
	cmd    *exec.Cmd
	log    *ring
	exited chan struct{}
	err    error // of Wait; after exited
}

// start runs the binary. One thread starts the child, waits for it and does nothing
// else: on Linux the child is killed when the thread that started it ends.
func start(binary string, args []string) (*process, error) {
	p := &process{log: &ring{}, exited: make(chan struct{})}
	p.cmd = exec.Command(binary, args...) //nolint:gosec // the server that this package built
	p.cmd.Stderr, p.cmd.Stdout = p.log, p.log
	p.cmd.SysProcAttr = dieWithParent()
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "ETCD_") { // they are options of the server's
			p.cmd.Env = append(p.cmd.Env, pair)
		}
	}
	began := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer close(p.exited)
		err := p.cmd.Start()
		if began <- err; err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	if err := <-began; err != nil {
		<-p.exited
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	return p, nil
}

func (p *process) signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal etcd: %w", err)
	}
	return nil
}

// kill ends the process at once and waits for its end. A stopped one is killed, too.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // one that is gone is what we want
	<-p.exited
}

// stop asks the process to end, and kills it if it does not.
func (p *process) stop(within time.Duration) {
	_ = p.signal(syscall.SIGTERM)
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.kill()
	}
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// ring keeps the last of what is written to it.
type ring struct {
	mu   sync.Mutex
	kept []byte
}

const ringSize = 32 << 10

func (r *ring) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, b...)
	if n := len(r.kept); n > 2*ringSize {
		r.kept = append(r.kept[:0], r.kept[n-ringSize:]...)
	}
	return len(b), nil
}

func (r *ring) tail() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return tail(r.kept)
}
