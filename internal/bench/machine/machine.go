// Package machine tells where a measurement was made, and how the Go runtimes in it were set.
package machine

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// Machine is where and how a run was made. Unknown facts are empty.
type Machine struct {
	Time     time.Time `json:"time"`
	CPU      string    `json:"cpu"`
	Cores    int       `json:"cores"`
	MemoryMB uint64    `json:"memoryMB"`
	Kernel   string    `json:"kernel"`
	Go       string    `json:"go"`
	Load     Settings  `json:"load"` // of this process, which makes the load
}

// Read tells about this machine and this process.
func Read() Machine {
	m := Machine{Time: time.Now().UTC().Truncate(time.Second), Cores: runtime.NumCPU(), Go: runtime.Version(), Load: ownSettings()}
	if text, err := os.ReadFile(filepath.Join("/proc", "cpuinfo")); err == nil {
		m.CPU = cpuModel(text)
	}
	if text, err := os.ReadFile(filepath.Join("/proc", "sys/kernel/osrelease")); err == nil {
		m.Kernel = string(bytes.TrimSpace(text))
	}
	if text, err := os.ReadFile(filepath.Join("/proc", "meminfo")); err == nil {
		m.MemoryMB = totalMemory(text) >> 10
	}
	return m
}

// cpuModel finds the first model name in /proc/cpuinfo.
func cpuModel(text []byte) string { return entry(text, "model name") }

// totalMemory finds the size of the memory in /proc/meminfo, in KiB; 0 if it is not there.
func totalMemory(text []byte) uint64 {
	n, err := strconv.ParseUint(strings.TrimSuffix(entry(text, "MemTotal"), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// entry finds the first line "name : value" and gives the value.
func entry(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		if string(bytes.TrimSpace(key)) == name {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// ownSettings is how the Go runtime of this process is set.
func ownSettings() Settings {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}, {Name: "/sched/gomaxprocs:threads"}}
	metrics.Read(s)
	out := Settings{Server: "load"}
	number := func(i int) string { return strconv.FormatUint(s[i].Value.Uint64(), 10) }
	out.Set(number(0), number(1), number(2))
	return out
}
