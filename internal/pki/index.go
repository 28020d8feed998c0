package pki

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The kinds of certificate.
const (
	KindServer = "server"
	KindClient = "client"
)

// The states of a certificate.
const (
	StateValid   = "valid"
	StateExpired = "expired"
	StateRevoked = "revoked"
)

// Entry is a certificate that the authority issued. It is a line of the index.
type Entry struct {
	Serial    string    `json:"serial"` // hexadecimal, lower case
	Name      string    `json:"name"`
	Kind      string    `json:"kind"`
	Identity  string    `json:"identity,omitempty"` // SPIFFE ID
	SANs      []string  `json:"sans"`               // DNS names and IP addresses
	CertFile  string    `json:"certFile"`           // within the folder
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	RevokedAt time.Time `json:"revokedAt,omitzero"`
}

// State tells what the certificate is at that moment. Revoked outdoes expired.
func (e *Entry) State(now time.Time) string {
	switch {
	case !e.RevokedAt.IsZero():
		return StateRevoked
	case now.After(e.NotAfter):
		return StateExpired
	}
	return StateValid
}

// List gives everything that the authority in dir issued, oldest first.
func List(dir string) ([]Entry, error) {
	if _, err := os.Stat(authorityCertFile(dir)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list: %s: %w", dir, ErrNoAuthority)
	}
	entries, err := readIndex(dir)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return entries, nil
}

// locked loads the authority in dir and its index, and runs write while nobody else
// writes in the folder.
func locked(dir string, write func(a *Authority, entries []Entry) error) error {
	// Before the lock, which is a file: none is left where no authority is.
	if _, err := load(dir); err != nil {
		return err
	}
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	a, err := load(dir)
	if err != nil {
		return err
	}
	entries, err := readIndex(dir)
	if err != nil {
		return err
	}
	return write(a, entries)
}

func indexFile(dir string) string { return filepath.Join(dir, "index.jsonl") }

// readIndex needs no lock: the file is only ever replaced.
func readIndex(dir string) ([]Entry, error) {
	data, err := os.ReadFile(indexFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []Entry
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", indexFile(dir), n, err)
		}
		if _, err := parseSerial(e.Serial); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", indexFile(dir), n, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// writeIndex needs the lock.
func writeIndex(dir string, entries []Entry) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, e := range entries {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	return replace(indexFile(dir), b.Bytes(), 0o600)
}

// plainSerial makes a serial number as people copy it that of the index: other tools
// print it in capitals, with colons, or without its leading zeros.
func plainSerial(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, ":", ""))
	s = strings.TrimPrefix(s, "0x")
	if len(s) < 32 {
		s = strings.Repeat("0", 32-len(s)) + s
	}
	return s
}
