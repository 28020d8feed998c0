package devstart

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLogPlace: the log is in the folder for state, else in that for temporary files, else
// nowhere; a link there is not followed.
func TestLogPlace(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	open := func(state string) string {
		t.Helper()
		t.Setenv("XDG_STATE_HOME", state)
		log := openLog()
		log.close()
		return log.path
	}
	state := filepath.Join(t.TempDir(), "deep", "down")
	if got, want := open(state), filepath.Join(state, "roster", LogName); got != want {
		t.Errorf("the log is %s, want %s", got, want)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	inTemp := filepath.Join(temp, fmt.Sprintf("roster-dev-%d.log", os.Getuid()))
	if got := open(file); got != inTemp {
		t.Errorf("the log is %s, want %s", got, inTemp)
	}
	if err := os.Remove(inTemp); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, inTemp); err != nil {
		t.Fatal(err)
	}
	if got := open(file); got != "" {
		t.Errorf("the log is %s, want none", got)
	}
	if text, err := os.ReadFile(file); err != nil || len(text) != 0 {
		t.Errorf("the link was followed: %q, %v", text, err)
	}
	if told := (&logFile{}).told(); !strings.HasPrefix(told, "nowhere") || (&logFile{}).said() != "" {
		t.Errorf("no log is told as %q", told)
	}
}

// TestLogIsBounded: a long one is begun anew, a short one goes on.
func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), LogName)
	for before, cut := range map[int]bool{maxLog: false, maxLog + 1: true} {
		if err := os.WriteFile(path, make([]byte, before), 0o600); err != nil {
			t.Fatal(err)
		}
		log := openLogAt(path)
		if log == nil {
			t.Fatal("it cannot be opened")
		}
		log.close()
		st, err := os.Stat(path)
		if err != nil || (st.Size() < int64(before)) != cut {
			t.Errorf("of %d bytes, %d are left, %v", before, st.Size(), err)
		}
	}
}

func TestSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), LogName)
	if err := os.WriteFile(path, []byte("roster: of an earlier start\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := openLogAt(path)
	defer log.close()
	if said := log.said(); said != "" {
		t.Errorf("it said %q", said)
	}
	for _, line := range []string{"roster: first", "more", "roster: second", `{"msg":"x"}`, "--- by another", "  of it", "roster: warning: w", ""} {
		if _, err := log.file.WriteString(line + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	if said, want := log.said(), "second\n  of it"; said != want {
		t.Errorf("it said %q, want %q", said, want)
	}
}
