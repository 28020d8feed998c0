package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// opened is a journal and what it held.
type opened struct {
	*File
	Found
	held []string
}

func open(t testing.TB, path string) opened {
	t.Helper()
	o, err := try(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func try(path string, disk Disk) (o opened, err error) {
	o.File, o.Found, err = Open(path, disk, func(payload []byte) error {
		if string(payload) == "not ours" {
			return errors.New("an entry of another release")
		}
		o.held = append(o.held, string(payload))
		return nil
	})
	return o, err
}

func entries(t testing.TB, payloads ...string) (b []byte) {
	t.Helper()
	var err error
	for _, p := range payloads {
		if b, err = AppendEntry(b, []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// write makes a journal with entries, and gives its bytes.
func write(t testing.TB, path string, payloads ...string) []byte {
	t.Helper()
	o := open(t, path)
	if err := errors.Join(o.Write(entries(t, payloads...)), o.Sync(), o.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

var sample = []string{"one", strings.Repeat("two", 20), "three", "\x00\x00\x00\x01"}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	write(t, path, sample...)
	for n := range 3 {
		o := open(t, path)
		want := append(slices.Clone(sample), []string{"more 0", "more 1"}[:n]...)
		if !slices.Equal(o.held, want) || o.Cut != 0 || o.Aside != "" || o.Size() != o.Bytes {
			t.Fatalf("held %q, %+v; want %q", o.held, o.Found, want)
		}
		if err := errors.Join(o.Write(entries(t, fmt.Sprint("more ", n))), o.Close()); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("permissions %v, %v", info.Mode(), err)
	}
}

// Wherever a crash cuts the file off, what it held before comes back, and it goes on.
func TestCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	whole := write(t, filepath.Join(dir, "whole"), sample...)
	ends := []int{headerLen}
	for _, p := range sample {
		ends = append(ends, ends[len(ends)-1]+frameLen+len(p))
	}
	for size := range len(whole) + 1 {
		for name, tail := range map[string][]byte{"": nil, " and zeros": make([]byte, 40), " and other bytes": []byte("\x05\x00\x00\x00garbage, garbage")} {
			if name != "" && size < headerLen {
				continue // no header: another test
			}
			path := filepath.Join(dir, "cut")
			put(t, path, append(slices.Clone(whole[:size]), tail...))
			n := 0
			for n < len(sample) && ends[n+1] <= size {
				n++
			}
			o := open(t, path)
			cut := int64(size + len(tail) - ends[n])
			if size < headerLen {
				cut = int64(size)
			}
			if !slices.Equal(o.held, sample[:n]) || o.Cut != cut || o.Aside != "" {
				t.Fatalf("cut at %d%s: held %q, %+v; want %d entries and a cut of %d", size, name, o.held, o.Found, n, cut)
			}
			if err := errors.Join(o.Write(entries(t, "after")), o.Close()); err != nil {
				t.Fatal(err)
			}
			again := open(t, path)
			if want := append(slices.Clone(sample[:n]), "after"); !slices.Equal(again.held, want) || again.Cut != 0 {
				t.Fatalf("cut at %d%s, then: held %q, %+v", size, name, again.held, again.Found)
			}
			again.Close()
		}
	}
}

// Damage in the middle costs what stands behind it, and the whole file is kept aside.
func TestDamageInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	whole := write(t, filepath.Join(dir, "whole"), sample...)
	second := headerLen + frameLen + len(sample[0])
	for at := second; at < second+frameLen+len(sample[1]); at++ {
		path := filepath.Join(t.TempDir(), "state")
		bad := slices.Clone(whole)
		bad[at] ^= 0x41
		put(t, path, bad)
		o := open(t, path)
		if !slices.Equal(o.held, sample[:1]) || o.Cut != int64(len(whole)-second) || o.Aside == "" || o.Why == nil {
			t.Fatalf("byte %d: held %q, %+v", at, o.held, o.Found)
		}
		if kept, err := os.ReadFile(o.Aside); err != nil || !slices.Equal(kept, bad) {
			t.Fatalf("byte %d: what is kept aside is not the file, %v", at, err)
		}
		if err := errors.Join(o.Write(entries(t, "after")), o.Close()); err != nil {
			t.Fatal(err)
		}
		if o = open(t, path); !slices.Equal(o.held, []string{"one", "after"}) || o.Aside != "" {
			t.Fatalf("byte %d, then: held %q, %+v", at, o.held, o.Found)
		}
		o.Close()
	}
}

// What is no journal of ours is moved aside and never lost, however often it happens.
func TestMovedAside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	whole := write(t, path, "one")
	newer := slices.Clone(whole)
	newer[8] = 9 // the version
	binary.LittleEndian.PutUint32(newer[12:], crc32.Checksum(newer[:12], castagnoli))
	damaged := slices.Clone(whole)
	damaged[9] ^= 1
	foreign := entries(t, "one", "not ours")
	for name, c := range map[string]struct {
		content []byte
		why     string
	}{
		"text":                     {[]byte("{\"instances\": [1, 2, 3]}\n"), "not a state file"},
		"short text":               {[]byte("hello"), "not a state file"},
		"damaged header":           {damaged, "header is damaged"},
		"another version":          {newer, "version 9"},
		"entry of another release": {append(slices.Clone(whole[:headerLen]), foreign...), "another release"},
	} {
		for range 2 {
			put(t, path, c.content)
			o := open(t, path)
			kept, err := os.ReadFile(o.Aside)
			if err != nil || !slices.Equal(kept, c.content) || o.Bytes != 0 || !strings.Contains(fmt.Sprint(o.Why), c.why) {
				t.Errorf("%s: %+v, %v; want %q", name, o.Found, err, c.why)
			}
			if err := errors.Join(o.Write(entries(t, "new")), o.Close()); err != nil {
				t.Fatal(err)
			}
			if o = open(t, path); !slices.Equal(o.held, []string{"new"}) {
				t.Errorf("%s: then held %q", name, o.held)
			}
			o.Close()
		}
	}
	if aside, err := filepath.Glob(path + ".corrupt-*"); err != nil || len(aside) != 10 {
		t.Errorf("%d files aside, want each of 10: %v, %v", len(aside), aside, err)
	}
}

func TestLooseIsTightened(t *testing.T) {
	if !loosePermissions {
		t.Skip("here the mode of a file does not say who may read it")
	}
	path := filepath.Join(t.TempDir(), "state")
	write(t, path, "one")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	o := open(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || o.Loose != 0o644 || !slices.Equal(o.held, []string{"one"}) {
		t.Errorf("%v, %v, %+v", info.Mode(), err, o.Found)
	}
}

func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	if _, err := try(dir, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := try(filepath.Join(dir, "none", "state"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	// A link is followed, and stays one when the file is rewritten.
	write(t, filepath.Join(dir, "real"), "one")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	o := open(t, link)
	d, err := o.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Write(entries(t, "two")), d.Commit(), o.Close()); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != "real" {
		t.Errorf("the link is %q, %v", to, err)
	}
	if o = open(t, filepath.Join(dir, "real")); !slices.Equal(o.held, []string{"two"}) {
		t.Errorf("held %q", o.held)
	}
}
