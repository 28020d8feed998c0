//go:build unix

package admit

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// A write that has to wait says so first, and goes on where it was; one that has not says nothing.
func TestWhenBlocked(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ours, err := NewGate(Options{}).Listener(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	blocked := make(chan struct{}, 1000)
	if !ours.(*Conn).WhenBlocked(func() {
		select {
		case blocked <- struct{}{}:
		default:
		}
	}) {
		t.Fatal("it is not told of")
	}
	if n, err := ours.Write([]byte("hello")); n != 5 || err != nil || len(blocked) != 0 {
		t.Fatalf("%d, %v, told %d times", n, err, len(blocked))
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 2<<20)
	wrote := make(chan error, 1)
	go func() {
		n, err := ours.Write(big)
		if err == nil && n != len(big) {
			err = io.ErrShortWrite
		}
		wrote <- err
	}()
	<-blocked // before anything is read
	got := make([]byte, 5+len(big))
	if _, err := io.ReadFull(theirs, got); err != nil || string(got[:5]) != "hello" || !bytes.Equal(got[5:], big) {
		t.Fatalf("what was read is not what was written: %v", err)
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if err := ours.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := ours.Write(big); !errors.Is(err, os.ErrDeadlineExceeded) || n >= len(big) {
		t.Errorf("%d, %v", n, err)
	}
	ours.Close()
	if _, err := ours.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
}

func TestWhenBlockedOfNoSystemConnection(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if (&Conn{Conn: a}).WhenBlocked(func() {}) {
		t.Error("a pipe tells")
	}
}
