package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// proc is where the kernel tells about processes; see proc(5).
const proc = "/proc"

// tick is the unit of CPU times in /proc: USER_HZ, 100 a second on every Linux.
const tick = 10 * time.Millisecond

// cpuTimes is the first line of /proc/stat: the time of all CPUs together since the
// machine started.
type cpuTimes struct {
	total time.Duration
	user  time.Duration // user, nice and system: what processes were charged for
	steal time.Duration // what the hypervisor gave to others
}

// parseCPUTimes reads the first line of /proc/stat.
func parseCPUTimes(stat []byte) (cpuTimes, error) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return cpuTimes{}, fmt.Errorf("parse /proc/stat: %.80q", line)
	}
	var t [8]time.Duration // user nice system idle iowait irq softirq steal; guests are in user
	for i := range t {
		n, err := strconv.ParseInt(string(fields[i+1]), 10, 64)
		if err != nil {
			return cpuTimes{}, fmt.Errorf("parse /proc/stat: %w", err)
		}
		t[i] = time.Duration(n) * tick
	}
	out := cpuTimes{user: t[0] + t[1] + t[2], steal: t[7]}
	for _, d := range t {
		out.total += d
	}
	return out, nil
}

// processTimes is the CPU time of a process, user and system together.
type processTimes struct {
	parent   int // its process ID
	own      time.Duration
	children time.Duration // of those that ended and were waited for
}

// parseProcessTimes reads /proc/PID/stat. The command's name there may hold blanks and
// brackets, so fields count from the last bracket.
func parseProcessTimes(stat []byte) (processTimes, error) {
	i := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[i+1:])
	if i < 0 || len(fields) < 15 {
		return processTimes{}, fmt.Errorf("parse /proc/PID/stat: %.80q", stat)
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return processTimes{}, fmt.Errorf("parse /proc/PID/stat: %w", err)
	}
	var t [4]time.Duration // utime stime cutime cstime, fields 14 to 17 of the whole
	for i := range t {
		n, err := strconv.ParseInt(string(fields[11+i]), 10, 64)
		if err != nil {
			return processTimes{}, fmt.Errorf("parse /proc/PID/stat: %w", err)
		}
		t[i] = time.Duration(n) * tick
	}
	return processTimes{parent: parent, own: t[0] + t[1], children: t[2] + t[3]}, nil
}

func readProcessTimes(pid int) (processTimes, error) {
	stat, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
	if err != nil {
		return processTimes{}, fmt.Errorf("read process times: %w", err)
	}
	return parseProcessTimes(stat)
}

// strangersTime is the CPU time of every process under root but the given ones, with
// that of the children each waited for: a process that ends moves its time to its
// parent, and the sum stays. Children of kin are no strangers either: Redis forks to
// write its data.
func strangersTime(root string, kin []int, but ...int) (time.Duration, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return 0, fmt.Errorf("read processes: %w", err)
	}
	known := map[string]bool{}
	for _, pid := range slices.Concat(kin, but) {
		known[strconv.Itoa(pid)] = true
	}
	var sum time.Duration
	for _, entry := range entries {
		if name := entry.Name(); name[0] < '0' || name[0] > '9' || known[name] {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(root, entry.Name(), "stat"))
		if err != nil {
			if gone(err) {
				continue
			}
			return 0, fmt.Errorf("read processes: %w", err)
		}
		t, err := parseProcessTimes(stat)
		if err != nil {
			return 0, err
		}
		if !slices.Contains(kin, t.parent) {
			sum += t.own + t.children
		}
	}
	return sum, nil
}
