package nodetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestCopyLeavesOutWhatIsInstalled(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	for _, name := range []string{"index.js", "lib/a.js", "node_modules/b/index.js", "lib/node_modules/c.js"} {
		file := filepath.Join(from, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	Copy(t, to, from)
	var got []string
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		found, err := filepath.Glob(filepath.Join(to, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			got = append(got, strings.TrimPrefix(filepath.ToSlash(file), filepath.ToSlash(to)))
		}
	}
	if want := "/index.js /lib /lib/a.js"; strings.Join(got, " ") != want {
		t.Errorf("copied %v, want %s", got, want)
	}
	if text, err := os.ReadFile(filepath.Join(to, "lib", "a.js")); err != nil || string(text) != "lib/a.js" {
		t.Errorf("content %q, %v", text, err)
	}
}

// A command that is out of time is ended with what it has started, and what it wrote is told.
func TestTimeEndsWhatACommandStarted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh on Windows")
	}
	began := time.Now()
	out, err := try(t.Context(), "", nil, 200*time.Millisecond, "sh", "-c", "echo begun; sleep 600 & wait")
	if !errors.Is(err, context.DeadlineExceeded) || strings.TrimSpace(out) != "begun" {
		t.Errorf("%q, %v", out, err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}
