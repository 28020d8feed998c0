package filewatch_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/internal/filewatch"
)

// A change is seen, however the file is written, and soon where the system tells of it.
func TestWatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "roster.yaml")
	seen := make(chan string, 100)
	w := filewatch.Watch{
		Files: []string{file, ""},
		Look: func() {
			text, _ := os.ReadFile(file) // not there yet is nothing yet
			seen <- string(text)
		},
		Blind: func(err error) { t.Logf("polled only: %v", err) },
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	defer func() { cancel(); <-done }()
	await := func(want string) {
		t.Helper()
		deadline := time.After(time.Minute)
		for {
			select {
			case text := <-seen:
				if text == want {
					return
				}
			case <-deadline:
				t.Fatalf("%q is not seen", want)
			}
		}
	}
	await("")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	await("one")
	if err := os.WriteFile(filepath.Join(dir, "next"), []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "next"), file); err != nil {
		t.Fatal(err)
	}
	await("two")
}

func TestPollOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		ctx, cancel := context.WithTimeout(t.Context(), 4*filewatch.PollEvery+time.Second)
		defer cancel()
		filewatch.Watch{Files: []string{"nowhere"}, Look: func() { looks++ }, PollOnly: true}.Run(ctx)
		if looks != 5 {
			t.Errorf("looked %d times, want at the begin and four more", looks)
		}
	})
}
