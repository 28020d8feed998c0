package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	// Version is the number of the format that this package reads and writes.
	Version = 1
	// MaxEntry is the longest payload. It bounds what a damaged length can make a reader
	// allocate.
	MaxEntry = 64 << 20

	headerLen = 16
	frameLen  = 8 // before the payload
)

var (
	word       = []byte("rosterst")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// header is the beginning of every file.
func header() []byte {
	b := append(make([]byte, 0, headerLen), word...)
	b = binary.LittleEndian.AppendUint32(b, Version)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// checkHeader says what is wrong with the beginning of a file.
func checkHeader(b []byte) error {
	if len(b) < headerLen || !bytes.Equal(b[:len(word)], word) {
		return errors.New("it is not a state file")
	}
	version := binary.LittleEndian.Uint32(b[len(word):])
	if crc32.Checksum(b[:12], castagnoli) != binary.LittleEndian.Uint32(b[12:]) {
		return errors.New("its header is damaged")
	}
	if version != Version {
		return fmt.Errorf("it is of version %d of the format, and this release reads %d", version, Version)
	}
	return nil
}

// AppendEntry appends an entry with the payload to dst, for [File.Write] and [Draft.Write].
// A payload that is empty or longer than MaxEntry cannot be read back, and is refused.
func AppendEntry(dst, payload []byte) ([]byte, error) {
	if len(payload) == 0 || len(payload) > MaxEntry {
		return dst, fmt.Errorf("append an entry: a payload of %d bytes is not between 1 and %d", len(payload), MaxEntry)
	}
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	sum := crc32.Update(crc32.Checksum(dst[at:], castagnoli), castagnoli, payload)
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, payload...), nil
}

// errTorn is for bytes that are no whole entry.
var errTorn = errors.New("not a whole entry")

// readEntry reads the next entry into buf, of at most left bytes. It gives io.EOF at the end,
// errTorn for bytes that are no entry, and the reader's own error where it cannot read.
func readEntry(r io.Reader, left int64, buf []byte) (payload []byte, err error) {
	if left == 0 {
		return buf, io.EOF
	}
	if left < frameLen {
		return buf, errTorn
	}
	var head [frameLen]byte
	if err := readFull(r, head[:]); err != nil {
		return buf, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n == 0 || n > MaxEntry || int64(n) > left-frameLen {
		return buf, errTorn
	}
	if cap(buf) < int(n) {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if err := readFull(r, buf); err != nil {
		return buf, err
	}
	sum := crc32.Update(crc32.Checksum(head[:4], castagnoli), castagnoli, buf)
	if sum != binary.LittleEndian.Uint32(head[4:]) {
		return buf, errTorn
	}
	return buf, nil
}

func readFull(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn // it became shorter than it was
	}
	return err
}

// wholeWithin tells whether a whole entry begins anywhere in b but at its beginning: then
// what does not read there is damage in the middle of a file, and not its torn end.
func wholeWithin(b []byte) bool {
	for at := 1; at+frameLen < len(b); at++ {
		n := binary.LittleEndian.Uint32(b[at:])
		if n == 0 || int64(n) > int64(len(b)-at-frameLen) {
			continue
		}
		sum := crc32.Update(crc32.Checksum(b[at:at+4], castagnoli), castagnoli, b[at+frameLen:at+frameLen+int(n)])
		if sum == binary.LittleEndian.Uint32(b[at+4:]) {
			return true
		}
	}
	return false
}
