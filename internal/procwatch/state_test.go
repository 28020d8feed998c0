package procwatch

import (
	"sync"
	"testing"
	"time"
)

// fake is a machine whose processes are what a test says.
type fake struct {
	mu          sync.Mutex
	boot, space string
	starts      map[int]string // of those that live
	hidden      map[int]bool
	looks       int
	slow        time.Duration // what a look takes
}

func newFake() *fake {
	return &fake{boot: "boot1", space: "space1", starts: map[int]string{}, hidden: map[int]bool{}}
}

func (f *fake) here() (boot, space string) { return f.boot, f.space }

func (f *fake) look(pid int) (start string, s sight) {
	f.mu.Lock()
	slow := f.slow
	f.looks++
	f.mu.Unlock()
	time.Sleep(slow) // in a bubble
	f.mu.Lock()
	defer f.mu.Unlock()
	start, ok := f.starts[pid]
	switch {
	case f.hidden[pid]:
		return "", unseen
	case !ok:
		return "", gone
	}
	return start, alive
}

func (f *fake) begins(pid int, start string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts[pid] = start
}

// slows makes each look take some time.
func (f *fake) slows(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow = d
}

func (f *fake) ends(pid int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.starts, pid)
}

func (f *fake) hides(pid int, hidden bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hidden[pid] = hidden
}

func TestState(t *testing.T) {
	tests := []struct {
		name        string
		id          Identity
		boot, space string
		now         map[int]string
		hidden      bool
		want        state
	}{
		{name: "lives", id: "7/100/boot1/space1", now: map[int]string{7: "100"}, want: lives},
		{name: "is gone", id: "7/100/boot1/space1", want: ended},
		{name: "its pid is another's", id: "7/100/boot1/space1", now: map[int]string{7: "101"}, want: ended},
		{name: "cannot be seen", id: "7/100/boot1/space1", hidden: true, want: lives},
		{name: "of another boot, same pid and start", id: "7/100/boot0/space1", now: map[int]string{7: "100"}, want: ended},
		{name: "of another container", id: "7/100/boot1/space2", want: foreign},
		{name: "of another container and boot", id: "7/100/boot0/space2", want: foreign},
		{name: "boot not known then", id: "7/100//space1", want: foreign},
		{name: "boot not known now", id: "7/100/boot1/space1", boot: "-", want: foreign},
		{name: "boot never known, lives", id: "7/100//space1", boot: "-", now: map[int]string{7: "100"}, want: lives},
		{name: "boot never known, gone", id: "7/100//space1", boot: "-", want: ended},
		{name: "nobody", id: "", want: foreign},
		{name: "no identity", id: "4711", want: foreign},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake()
			if tt.boot == "-" {
				f.boot = ""
			}
			if tt.now != nil {
				f.starts = tt.now
			}
			f.hidden[7] = tt.hidden
			if got := stateOf(f, tt.id); got != tt.want {
				t.Errorf("%q is %d, want %d", tt.id, got, tt.want)
			}
		})
	}
}

func TestIdentifyAsksTheMachine(t *testing.T) {
	f := newFake()
	f.starts = map[int]string{7: "100", 8: ""}
	f.hidden[9] = true
	for pid, want := range map[int]Identity{7: "7/100/boot1/space1", 8: "", 9: "", 10: "", 0: ""} {
		if got := identify(f, pid); got != want {
			t.Errorf("pid %d is named %q, want %q", pid, got, want)
		}
	}
}
