package nodetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Install gives a copy of the package in dir, a folder of the project, with all that its
// package-lock.json names installed. The copy is the test's own; what is installed is kept in
// the user's cache for the next run, under the hash of what asked for it. Links to packages
// of this project, as "file:" makes them, lead into the project itself.
//
// root is the project's folder, and both are relative to the test's.
func Install(t testing.TB, root, dir string) string {
	t.Helper()
	root, dir = absolute(t, root), absolute(t, dir)
	place, err := filepath.Rel(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(installed(t, root, place), "node_modules")
	copied := filepath.Join(t.TempDir(), filepath.Base(dir))
	Copy(t, copied, dir)
	if err := os.Symlink(modules, filepath.Join(copied, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return copied
}

// Copy copies a folder, but not what is installed in it.
func Copy(t testing.TB, to, from string) {
	t.Helper()
	files := os.DirFS(from)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "node_modules":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o600)
	})
	if err != nil {
		t.Fatalf("copy %s: %v", from, err)
	}
}

// wanted are the files that say what is to be installed, and how.
var wanted = []string{"package.json", "package-lock.json", ".npmrc"}

// installed gives a folder in the cache in which npm ci has run, for the package at place
// within the project.
func installed(t testing.TB, root, place string) string {
	t.Helper()
	sum := sha256.New()
	sum.Write([]byte(root))
	for _, name := range wanted {
		text, err := os.ReadFile(filepath.Join(root, place, name))
		if err != nil {
			t.Fatalf("install: %v", err)
		}
		sum.Write(append([]byte(name), text...))
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "roster-test", "npm")
	done := filepath.Join(cache, hex.EncodeToString(sum.Sum(nil)[:12]))
	if _, err := os.Stat(filepath.Join(done, place, "node_modules")); err == nil {
		return filepath.Join(done, place)
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatalf("install: %v", err)
	}
	// In a folder of its own, which gets its name when it is complete: others may be at it too.
	work, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		t.Fatalf("install: %v", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // it is in a cache
	lay(t, root, work, place)
	out, err := try(t.Context(), filepath.Join(work, place), nil, 5*time.Minute, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	if err != nil {
		Missing(t, "npm ci in %s: %v: the packages that its package-lock.json names cannot be installed; is the registry of npm out of reach?\n%s", place, err, out)
	}
	if err := os.Rename(work, done); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, other := os.Stat(filepath.Join(done, place, "node_modules")); other != nil {
			t.Fatalf("install: %v", err)
		}
	}
	return filepath.Join(done, place)
}

// lay puts what npm needs into work: the package's own files, and beside it a link to the
// project's SDK, for packages that name it by its place.
func lay(t testing.TB, root, work, place string) {
	t.Helper()
	at := filepath.Join(work, place)
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range wanted {
		text, err := os.ReadFile(filepath.Join(root, place, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sdk := filepath.Join("client", "node")
	if place == sdk {
		return
	}
	if err := os.MkdirAll(filepath.Join(work, "client"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, sdk), filepath.Join(work, sdk)); err != nil {
		t.Fatal(err)
	}
}

func absolute(t testing.TB, dir string) string {
	t.Helper()
	whole, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}
