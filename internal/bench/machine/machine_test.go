package machine

import "testing"

func TestMachine(t *testing.T) {
	if got := cpuModel([]byte("processor\t: 0\nmodel\t\t: 2\nmodel name\t: Some CPU @ 2 GHz: fast\nmodel name\t: Another\n")); got != "Some CPU @ 2 GHz: fast" {
		t.Errorf("model %q", got)
	}
	if got := cpuModel([]byte("processor\t: 0\n")); got != "" {
		t.Errorf("no model: %q", got)
	}
	for text, want := range map[string]uint64{"MemTotal:       24684032 kB\nMemFree: 1 kB\n": 24684032, "MemFree: 1 kB\n": 0, "MemTotal: much\n": 0} {
		if got := totalMemory([]byte(text)); got != want {
			t.Errorf("memory of %q: %d, want %d", text, got, want)
		}
	}
	if m := Read(); m.Cores < 1 || m.Kernel == "" || m.MemoryMB == 0 || m.Go == "" || m.Load.GOMAXPROCS == Unknown {
		t.Errorf("this machine: %+v", m)
	}
}
