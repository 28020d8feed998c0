package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const statLine = "cpu  1790 11488 5796 213588 263 5 73 34 10 0\ncpu0 1 2 3\nintr 5\n"

func TestCPUTimes(t *testing.T) {
	got, err := parseCPUTimes([]byte(statLine))
	if err != nil {
		t.Fatal(err)
	}
	want := cpuTimes{
		total: (1790 + 11488 + 5796 + 213588 + 263 + 5 + 73 + 34) * tick,
		user:  (1790 + 11488 + 5796) * tick,
		steal: 34 * tick,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 x 4 5 6 7 8", "intr 1 2 3 4 5 6 7 8 9"} {
		if _, err := parseCPUTimes([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// processLine is that of a process with the times given; its name is a hard one.
func processLine(utime, stime, cutime, cstime string) string {
	return "42 (a) R (b c) S 1 42 42 0 -1 4194304 100 0 0 0 " + utime + " " + stime + " " + cutime + " " + cstime + " 20 0 1 0 116880 2998272 389\n"
}

func TestProcessTimes(t *testing.T) {
	got, err := parseProcessTimes([]byte(processLine("120", "30", "7", "5")))
	if want := (processTimes{parent: 1, own: 1500 * time.Millisecond, children: 120 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 1 2", processLine("x", "1", "1", "1"), strings.Replace(processLine("1", "1", "1", "1"), "S 1", "S x", 1)} {
		if _, err := parseProcessTimes([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
	if _, err := readProcessTimes(os.Getpid()); err != nil {
		t.Errorf("this process: %v", err)
	}
}

func TestStrangersTime(t *testing.T) {
	root := t.TempDir()
	write := func(pid, line string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(root, pid), 0o700); err != nil {
			t.Fatal(err)
		}
		if line == "" {
			return // a process that ended while one looked
		}
		if err := os.WriteFile(filepath.Join(root, pid, "stat"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1", processLine("100", "0", "10", "0"))
	write("22", processLine("5", "5", "0", "0"))
	write("33", processLine("900", "900", "900", "900"))
	write("44", "")
	write("sys", "not a process")
	before, err := strangersTime(root, nil, 33)
	if err != nil || before != 120*tick {
		t.Fatalf("got %v, %v, want %v", before, err, 120*tick)
	}

	// 22 ends and process 1 waits for it: its time moves, and the sum stays.
	if err := os.RemoveAll(filepath.Join(root, "22")); err != nil {
		t.Fatal(err)
	}
	write("1", processLine("100", "0", "15", "5"))
	if after, err := strangersTime(root, nil, 33); err != nil || after != before {
		t.Errorf("after an end: %v, %v, want %v", after, err, before)
	}

	// All of them are children of 1, and 1 alone is not.
	if kin, err := strangersTime(root, []int{1}); err != nil || kin != 0 {
		t.Errorf("but 1 and its children: %v, %v, want 0", kin, err)
	}

	write("55", "garbage")
	if _, err := strangersTime(root, nil, 33); err == nil {
		t.Error("garbage gave no error")
	}
	if _, err := strangersTime(filepath.Join(root, "none"), nil); err == nil {
		t.Error("no folder gave no error")
	}
}
