package tlsreload

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/internal/filewatch"
	"github.com/roster-sd/roster/internal/pki"
)

// running runs the material until the test ends, and gives what the hook was told.
func running(t *testing.T, m *Material, run func(context.Context) error) <-chan error {
	t.Helper()
	told := make(chan error, 16)
	m.OnReload = func(err error) { told <- err }
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return told
}

// journal is a log that may be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func pollOnly(m *Material) func(context.Context) error {
	return func(ctx context.Context) error { return m.run(ctx, true) }
}

// within waits for the hook, for less than the time between polls: only the watch can
// have seen the change.
func within(t *testing.T, what string, told <-chan error) error {
	t.Helper()
	select {
	case err := <-told:
		return err
	case <-time.After(filewatch.PollEvery - time.Second):
		t.Fatalf("%s: not seen", what)
		return nil
	}
}

func TestWatchSeesRenamedFiles(t *testing.T) {
	f := newFolder(t)
	m := f.load(f.files())
	m.Log = slog.New(slog.DiscardHandler)
	told := running(t, m, m.Run)
	issued, err := pki.Issue(f.dir, pki.Request{Server: true, File: "next", SANs: []string{"127.0.0.1"}, TTL: time.Hour})
	f.must(nil, err)
	f.must(nil, os.Rename(f.path("next-key.pem"), f.path("server-key.pem")))
	f.must(nil, os.Rename(f.path("next.crt"), f.path("server.crt")))
	if err := within(t, "rename", told); err != nil || !m.NotAfter().Equal(issued.NotAfter) {
		t.Fatalf("got %v, expires %v", err, m.NotAfter())
	}
	f.write("server.crt", []byte("x"))
	if err := within(t, "bad file", told); err == nil || !m.NotAfter().Equal(issued.NotAfter) {
		t.Fatalf("got %v, expires %v", err, m.NotAfter())
	}
}

// A secret in Kubernetes is a link to a file under "..data", itself a link to a folder;
// a new version is a new folder and a new "..data".
func TestWatchSeesSecretsOfKubernetes(t *testing.T) {
	mount := t.TempDir()
	version := func(name string) *folder {
		f := newFolder(t)
		f.must(nil, os.Rename(f.dir, filepath.Join(mount, name)))
		f.must(nil, os.Symlink(name, filepath.Join(mount, "..tmp")))
		f.must(nil, os.Rename(filepath.Join(mount, "..tmp"), filepath.Join(mount, "..data")))
		f.dir = mount
		return f
	}
	f := version("..1")
	for _, name := range []string{"server.crt", "server-key.pem", "ca.crt"} {
		f.must(nil, os.Symlink(filepath.Join("..data", name), f.path(name)))
	}
	m := f.load(f.files())
	m.Log = slog.New(slog.DiscardHandler)
	told := running(t, m, m.Run)
	for i, name := range []string{"..2", "..3"} {
		before := m.current.Load().leaf.Issuer.CommonName
		version(name)
		f.must(nil, os.RemoveAll(filepath.Join(mount, fmt.Sprintf("..%d", i+1))))
		if err := within(t, name, told); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if after := m.current.Load().leaf.Issuer.CommonName; after == before {
			t.Fatalf("%s: the certificate is still that of %s", name, before)
		}
	}
}

func TestPollSeesWhatTheWatchDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFolder(t)
		m := f.load(f.files())
		var log journal
		m.Log = slog.New(slog.NewTextHandler(&log, nil))
		told := running(t, m, pollOnly(m))
		failures := func() int { return strings.Count(log.String(), "level=ERROR") }
		after := func(what string, polls, wantTold, wantFailures int) {
			t.Helper()
			<-time.After(time.Duration(polls) * filewatch.PollEvery)
			synctest.Wait()
			if len(told) != wantTold || failures() != wantFailures {
				t.Fatalf("%s: told %d times, want %d; %d errors in the log, want %d:\n%s",
					what, len(told), wantTold, failures(), wantFailures, &log)
			}
		}
		good := f.read("server.crt")
		after("nothing changed", 3, 0, 0)
		f.write("server.crt", []byte("bad"))
		after("bad file", 3, 1, 1)
		f.write("server.crt", nil)
		after("another file, bad in the same way", 3, 2, 2)
		f.must(nil, os.Remove(f.path("server.crt")))
		after("no file", 3, 3, 3)
		f.write("server.crt", good)
		after("as it was", 3, 3, 3)
		f.write("server.crt", []byte("bad"))
		after("bad again", 3, 4, 4)
		issued, err := pki.Issue(f.dir, pki.Request{Server: true, File: "next", SANs: []string{"a"}, TTL: time.Hour})
		f.must(nil, err)
		f.write("server-key.pem", f.read("next-key.pem"))
		f.write("server.crt", f.read("next.crt"))
		after("good", 1, 5, 4)
		if !m.NotAfter().Equal(issued.NotAfter) {
			t.Errorf("expires %v", m.NotAfter())
		}
	})
}

// The files may change between Load and Run.
func TestRunLooksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFolder(t)
		m := f.load(f.files())
		m.Log = slog.New(slog.DiscardHandler)
		f.write("server.crt", []byte("bad"))
		told := running(t, m, pollOnly(m))
		synctest.Wait()
		if len(told) != 1 {
			t.Errorf("told %d times", len(told))
		}
	})
}

// What was not yet valid is taken once it is, though no file changes again.
func TestPollTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFolder(t)
		m := f.load(f.files())
		m.Log = slog.New(slog.DiscardHandler)
		issued, err := pki.Issue(f.dir, pki.Request{Server: true, File: "next", SANs: []string{"a"}, TTL: 24 * time.Hour, Now: time.Now().Add(time.Hour)})
		f.must(nil, err)
		f.write("server-key.pem", f.read("next-key.pem"))
		f.write("server.crt", f.read("next.crt"))
		told := running(t, m, pollOnly(m))
		synctest.Wait()
		if err := <-told; err == nil || !strings.Contains(err.Error(), "not valid before") {
			t.Fatalf("got %v", err)
		}
		<-time.After(time.Hour)
		synctest.Wait()
		if len(told) != 1 || <-told != nil || !m.NotAfter().Equal(issued.NotAfter) {
			t.Errorf("expires %v", m.NotAfter())
		}
	})
}

func TestRemind(t *testing.T) {
	f := newFolder(t)
	f.writeCRL(pki.CRLOptions{TTL: 24 * time.Hour})
	m := f.load(f.filesWithCRL())
	var log bytes.Buffer
	m.Log = slog.New(slog.NewTextHandler(&log, nil))
	said := func(what string, now time.Time, wants ...string) {
		t.Helper()
		log.Reset()
		m.remind(now)
		m.remind(now)
		if lines := strings.Count(log.String(), "\n"); lines != len(wants) {
			t.Errorf("%s: %d lines:\n%s", what, lines, &log)
		}
		for _, want := range wants {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: no %q in:\n%s", what, want, &log)
			}
		}
	}
	now := time.Now()
	said("at first", now)
	said("in the last quarter of the list", now.Add(19*time.Hour), "list runs out soon")
	said("when it has run out", now.Add(25*time.Hour), "list has run out")
	said("a week before the certificate ends", now.Add(pki.DefaultTTL-6*24*time.Hour), "certificate ends soon")
	said("when it has ended", now.Add(pki.DefaultTTL+time.Hour), "certificate has expired")
	f.writeCRL(pki.CRLOptions{TTL: 24 * time.Hour, Now: now.Add(time.Minute)})
	reload(t, m, "")
	said("with a new list", now)
	said("and again", now.Add(20*time.Hour), "list runs out soon")
}
