package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/roster-sd/roster/store"
)

// machine is a machine whose processes are what a test says. Their identity is PID.LIFE:
// each process that a pid is given to is another life of it.
type machine struct {
	mu      sync.Mutex
	lives   map[int]int // by pid; absent: it does not live
	watched map[string]bool
	ended   []string
	wake    chan struct{}
}

func newMachine() *machine {
	return &machine{lives: map[int]int{}, watched: map[string]bool{}, wake: make(chan struct{}, 1)}
}

func (m *machine) Identify(pid int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if life := m.lives[pid]; life != 0 {
		return fmt.Sprintf("%d.%d", pid, life)
	}
	return ""
}

func (m *machine) Watch(process string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watched[process] {
		panic(process + " is watched twice")
	}
	var pid, life int
	if _, err := fmt.Sscanf(process, "%d.%d", &pid, &life); err != nil {
		panic(err)
	}
	if m.watched[process] = true; m.lives[pid] != life {
		m.tell(process)
	}
}

func (m *machine) Release(process string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.watched, process)
}

func (m *machine) tell(process string) {
	delete(m.watched, process)
	m.ended = append(m.ended, process)
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *machine) Ended() <-chan struct{} { return m.wake }

func (m *machine) TakeEnded() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.ended
	m.ended = nil
	return out
}

// begins gives a pid to a new process.
func (m *machine) begins(pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lives[pid] += 1
}

// becomes ends the process of a pid, which another one takes at once; 0: nobody takes it.
func (m *machine) becomes(pid, life int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := fmt.Sprintf("%d.%d", pid, m.lives[pid])
	if m.lives[pid] = life; m.watched[old] {
		m.tell(old)
	}
}

func (m *machine) watching() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for process := range m.watched {
		out = append(out, process)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// tenanted is a node that watches the processes of a machine.
type tenanted struct {
	*node
	m *machine
}

// local runs a test on such a node, in a bubble.
func local(t *testing.T, test func(n *tenanted)) {
	synctest.Test(t, func(t *testing.T) {
		n := &tenanted{one(t, setup{}), newMachine()}
		n.opts.Processes = n.m
		n.follow()
		test(n)
	})
}

// follow follows processes until the test ends.
func (n *tenanted) follow() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.FollowProcesses(ctx) }()
	n.Cleanup(func() {
		cancel()
		if err := <-done; err != context.Canceled {
			n.Errorf("FollowProcesses ended with %v", err)
		}
	})
	synctest.Wait()
}

// begin registers an instance with the pid of a process.
func (n *tenanted) begin(id string, pid int) Registered {
	n.Helper()
	reg := registration("orders", id)
	reg.Instance.PID = pid
	out, err := n.Register(n.Context(), orders, reg)
	if err != nil {
		n.Fatal(err)
	}
	synctest.Wait()
	return out
}

// why gives the reason of the last deletion of an instance.
func (n *tenanted) why(id string) store.Reason {
	n.Helper()
	stones, err := n.store.inner.Tombstones(context.Background(), store.InstanceKey("orders", id))
	if err != nil || len(stones) == 0 {
		n.Fatalf("no tombstone of %s: %v", id, err)
	}
	return stones[0].Reason
}

func (n *tenanted) is(listed, watching string) {
	n.Helper()
	synctest.Wait()
	if got := n.listed(); got != listed {
		n.Errorf("listed are %q, want %q", got, listed)
	}
	if got := n.m.watching(); got != watching {
		n.Errorf("watched are %q, want %q", got, watching)
	}
}
