package userdir

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestState(t *testing.T) {
	root := t.TempDir() // absolute on the system that runs the test
	for name, c := range map[string]struct {
		system string
		env    map[string]string
		want   []string // under root; nil for an error
	}{
		"xdg":              {"linux", map[string]string{"XDG_STATE_HOME": root, "HOME": "/elsewhere"}, []string{"roster"}},
		"xdg on macOS":     {"darwin", map[string]string{"XDG_STATE_HOME": root, "HOME": "/elsewhere"}, []string{"roster"}},
		"xdg without home": {"linux", map[string]string{"XDG_STATE_HOME": root}, []string{"roster"}},
		"relative xdg":     {"linux", map[string]string{"XDG_STATE_HOME": "state", "HOME": root}, []string{".local", "state", "roster"}},
		"linux":            {"linux", map[string]string{"HOME": root}, []string{".local", "state", "roster"}},
		"bsd":              {"freebsd", map[string]string{"HOME": root}, []string{".local", "state", "roster"}},
		"macOS":            {"darwin", map[string]string{"HOME": root}, []string{"Library", "Application Support", "roster"}},
		"windows":          {"windows", map[string]string{"LocalAppData": root, "HOME": "/elsewhere"}, []string{"roster"}},
		"no home":          {"linux", nil, nil},
		"home is gone":     {"linux", map[string]string{"HOME": filepath.Join(root, "none")}, nil},
		"relative home":    {"linux", map[string]string{"HOME": "me"}, nil},
		"bare windows":     {"windows", map[string]string{"HOME": root}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := state(c.system, func(key string) string { return c.env[key] })
			if c.want == nil {
				if err == nil || !strings.Contains(err.Error(), "XDG_STATE_HOME") {
					t.Fatalf("State = %q, %v; want an error that says what to set", got, err)
				}
				return
			}
			if want := filepath.Join(append([]string{root}, c.want...)...); err != nil || got != want {
				t.Fatalf("State = %q, %v; want %q", got, err, want)
			}
		})
	}
}

func TestStateFollowsTheEnvironment(t *testing.T) {
	root := t.TempDir()
	t.Setenv("XDG_STATE_HOME", root)
	if got, err := State(); err != nil || got != filepath.Join(root, "roster") {
		t.Fatalf("State = %q, %v", got, err)
	}
}
