package journal

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	// searched is how much of what is cut is looked through for whole entries. A torn end is
	// mostly shorter; in a longer one a search everywhere could take very long.
	searched = 64 << 10
	readSize = 256 << 10
)

// load reads the open file, and makes it one that can be appended to.
func (f *File) load(found *Found, visit func([]byte) error) error {
	info, err := f.h.Stat()
	if err != nil {
		return err
	}
	total := info.Size()
	r := bufio.NewReaderSize(f.h, readSize)
	head := make([]byte, min(total, headerLen))
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	if whole := header(); total < headerLen && bytes.Equal(head, whole[:total]) {
		// Its creation was cut short, so that it never held anything.
		found.Cut = total
		return f.create()
	}
	if err := checkHeader(head); err != nil {
		return f.replace(found, err)
	}
	f.size = headerLen
	var buf []byte
	for {
		buf, err = readEntry(r, total-f.size, buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, errTorn) {
			found.Cut = total - f.size
			if err := f.cut(found, total); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return err
		}
		if err := visit(buf); err != nil {
			found.Cut, f.size = 0, 0
			return f.replace(found, err)
		}
		f.size += int64(frameLen + len(buf))
	}
	found.Bytes = f.size
	return nil
}

// replace moves a file that cannot be read aside, and starts an empty journal.
func (f *File) replace(found *Found, why error) error {
	if err := f.moveAside(found, why); err != nil {
		return err
	}
	return f.create()
}

var errDamaged = errors.New("entries in the middle of it are damaged")

// cut takes off what stands behind the last whole entry. Where that is not just the end of
// an interrupted write, the file is kept aside, and the journal goes on as a copy.
func (f *File) cut(found *Found, total int64) error {
	rest := make([]byte, min(total-f.size, searched))
	if _, err := f.h.Seek(f.size, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.ReadFull(f.h, rest); err != nil {
		return err
	}
	if !wholeWithin(rest) {
		if err := f.h.Truncate(f.size); err != nil {
			return err
		}
		return f.h.Sync()
	}
	d, err := f.Begin()
	if err != nil {
		return err
	}
	if err := d.Copy(headerLen, f.size); err != nil {
		return errors.Join(err, d.Abort())
	}
	if err := f.moveAside(found, errDamaged); err != nil {
		return errors.Join(err, d.Abort())
	}
	return d.Commit()
}
