package procwatch

import (
	"os"
	"strings"
	"testing"
)

func TestIdentityComesBack(t *testing.T) {
	for _, n := range []name{
		{pid: 1, start: "0", boot: "b", space: "s"},
		{pid: maxPID, start: "18446744073709551615", boot: "", space: ""},
	} {
		got, err := parse(n.identity())
		if err != nil || got != n || PID(n.identity()) != n.pid {
			t.Errorf("%q reads as %+v, %v, want %+v", n.identity(), got, err, n)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, id := range []string{"", "1", "1/2/3", "1/2/3/4/5", "0/2/b/s", "-1/2/b/s", "+1/2/b/s", "01/2/b/s", "x/2/b/s",
		"2147483648/2/b/s", "9223372036854775808/2/b/s", "1//b/s", "/2/b/s"} {
		if n, err := parse(id); err == nil {
			t.Errorf("%q reads as %+v", id, n)
		}
		if pid := PID(id); pid != 0 {
			t.Errorf("the pid of %q is %d", id, pid)
		}
	}
}

// The name of this very process: the same each time, and no other's.
func TestIdentifyMyself(t *testing.T) {
	w := opened(t, Options{})
	mine := identified(t, w, os.Getpid())
	if again := w.Identify(os.Getpid()); again != mine || PID(mine) != os.Getpid() {
		t.Errorf("process %d is named %q, and then %q", os.Getpid(), mine, again)
	}
	if strings.ContainsAny(mine, " \n\t") {
		t.Errorf("%q has spaces", mine)
	}
	other := identified(t, w, start(t).pid())
	if other == mine {
		t.Errorf("two processes are named %q", mine)
	}
}

func TestIdentifyNobody(t *testing.T) {
	w := opened(t, Options{})
	for _, pid := range []int{0, -1, maxPID + 1, maxPID} {
		if id := w.Identify(pid); id != "" {
			t.Errorf("pid %d is named %q", pid, id)
		}
	}
	c := start(t)
	c.kill()
	c.reap()
	if id := w.Identify(c.pid()); id != "" {
		t.Errorf("a process that has ended is named %q", id)
	}
}
