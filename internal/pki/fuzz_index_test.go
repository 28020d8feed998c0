package pki

import (
	"bytes"
	"os"
	"testing"
)

// An index that is read can be written again as it was, and every serial number in it can be
// revoked.
func FuzzIndex(f *testing.F) {
	for _, s := range []string{"", "\n\n", `{"serial":"0a","name":"a","kind":"client","sans":["a"],"certFile":"a.crt","notBefore":"2026-01-02T03:04:05Z","notAfter":"2027-01-02T03:04:05Z"}`,
		`{"serial":""}`, `{"serial":"-1"}`, `{"serial":"0x1"}`, `{"serial":"zz"}`, "{", `[]`, "{\"serial\":\"1\"}\n{\"serial\":\"2\",\"revokedAt\":\"2026-01-02T03:04:05+01:00\"}\n", `{"serial":"1_0"}`} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(indexFile(dir), data, 0o600); err != nil {
			t.Fatal(err)
		}
		entries, err := readIndex(dir)
		if err != nil {
			return
		}
		for i := range entries {
			if n, err := parseSerial(entries[i].Serial); err != nil || n.Sign() <= 0 {
				t.Fatalf("entry %d has the serial number %q: %v", i, entries[i].Serial, err)
			}
		}
		if err := writeIndex(dir, entries); err != nil {
			t.Fatal(err)
		}
		first, err := os.ReadFile(indexFile(dir))
		if err != nil {
			t.Fatal(err)
		}
		again, err := readIndex(dir)
		if err != nil || len(again) != len(entries) {
			t.Fatalf("%d entries are read back as %d, %v", len(entries), len(again), err)
		}
		if err := writeIndex(dir, again); err != nil {
			t.Fatal(err)
		}
		if second, err := os.ReadFile(indexFile(dir)); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s is written again as %s, %v", first, second, err)
		}
	})
}
