package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/roster-sd/roster/internal/bench/child"
)

// The backends that Roster is measured on.
const (
	BackendMemory = "memory"
	BackendRedis  = "redis"
	BackendEtcd   = "etcd"
)

// backendNames gives all backends in the order of the report.
func backendNames() []string { return []string{BackendMemory, BackendRedis, BackendEtcd} }

// Backend is a server that a Roster keeps its instances in, and that runs for it alone.
type Backend struct {
	*child.Child
	Name    string
	Address string // host:port
	Store   string // of Roster's configuration: what stands below "store:"
	About   About

	// writes makes the writes of the case register, done directly, of values of that many
	// bytes, and says what one of them is.
	writes func(size int) (work, string)
	// stored is how long the longest value is whose key has a text in it; 0: there is none.
	stored func(ctx context.Context, text string) (int, error)
	tidy   func(context.Context) error // undoes the writes, and waits until the server rests; nil: nothing to do
	close  func() error                // of the clients; nil: there are none
}

// About is what a report says of a backend: which server it is and how it is set.
type About struct {
	Backend  string `json:"backend"`
	Version  string `json:"version"`
	Settings string `json:"settings"`
	Write    string `json:"write,omitempty"` // what one write of the server alone is in the case register
}

// Missing is a backend that was not measured.
type Missing struct {
	Backend string `json:"backend"`
	Why     string `json:"why"`
}

// Stop stops the server.
func (b *Backend) Stop() error {
	if b.close != nil {
		_ = b.close() // the server goes away under it
	}
	return b.Child.Stop()
}

// startBackend starts a Redis or an etcd with empty data under dir, which it makes.
func (r *runner) startBackend(ctx context.Context, name, dir string) (b *Backend, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if name == BackendRedis {
		b, err = startRedis(ctx, dir, r.bin.redis)
	} else {
		b, err = startEtcd(ctx, dir, r.bin.etcd)
	}
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(r.report.Backends, func(a About) bool { return a.Backend == name }) {
		r.report.Backends = append(r.report.Backends, b.About)
	}
	return b, nil
}

// target is the server itself, under load without a Roster.
func (b *Backend) target() Target {
	return Target{Name: serverAlone(b.Name), Address: b.Address, PID: b.PID()}
}

// serverAlone names a backend that is measured itself.
func serverAlone(backend string) string { return backend + " alone" }

// errNoBackend says that a backend that was asked for cannot be started.
var errNoBackend = errors.New("cannot be started")

// find finds the programs of the backends that are wanted. One that is not there is told
// and left out, or, if it was asked for by name, an error.
func (r *runner) find(ctx context.Context) error {
	for _, name := range r.options.backends() {
		var err error
		switch {
		case name == BackendMemory || !r.options.wants(name):
			continue
		case name == BackendRedis:
			r.bin.redis, err = findRedis(r.options.Redis)
		default:
			r.bin.etcd, err = buildEtcd(ctx, r.dir, r.options.Etcd, r.progress)
		}
		switch {
		case err == nil:
			r.present = append(r.present, name)
		case len(r.options.Backends) > 0 || ctx.Err() != nil:
			return fmt.Errorf("backend %s %w: %w", name, errNoBackend, err)
		default:
			r.report.Missing = append(r.report.Missing, Missing{name, err.Error()})
			r.progress.printf("%s is NOT MEASURED: %v\n", name, err)
		}
	}
	return nil
}

// findRedis finds a program by its path or its name.
func findRedis(binary string) (string, error) {
	path, err := exec.LookPath(binary)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path) // children run in folders of their own
}

// timeSync is the median time, in microseconds, of writing 4 KiB to a file in dir and
// waiting until the disk has it: what an etcd does before it acknowledges a write.
func timeSync(dir string) (float64, error) {
	f, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return 0, fmt.Errorf("time a synchronous write: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // the whole folder goes at the end
	defer f.Close()
	block, times := make([]byte, 4<<10), make([]float64, 50)
	for i := range times {
		begun := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, fmt.Errorf("time a synchronous write: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("time a synchronous write: %w", err)
		}
		times[i] = micros(time.Since(begun))
	}
	return median(times), nil
}
