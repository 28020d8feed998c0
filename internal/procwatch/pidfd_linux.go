package procwatch

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pidfds is a set of descriptors of processes. All stand in one epoll, which itself stands
// in that of the Go runtime: waiting for them all takes one goroutine and no thread.
type pidfds struct {
	epoll *os.File
	raw   syscall.RawConn
	fd    int    // of epoll; add and remove are not called once it is closed
	last  uint64 // token given
}

// openPidfds gives an empty set, nil where the system has no such descriptors or does not
// let us have them.
func openPidfds() *pidfds {
	probe, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return nil
	}
	_ = unix.Close(probe)
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	// Only for a descriptor that does not block does the runtime wait by itself.
	if unix.SetNonblock(fd, true) != nil {
		_ = unix.Close(fd)
		return nil
	}
	f := os.NewFile(uintptr(fd), "epoll of processes")
	raw, err := f.SyscallConn()
	if err != nil || f.SetReadDeadline(time.Time{}) != nil { // the runtime does not wait for it
		_ = f.Close()
		return nil
	}
	return &pidfds{epoll: f, raw: raw, fd: fd}
}

// add takes a descriptor for a process, and gives it with the token that its event will
// carry: a descriptor's number is given away again, a token is not. Without ok there is
// none, scarce if others hold too many.
func (s *pidfds) add(pid int) (fd int, token uint64, ok, scarce bool) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, 0, false, errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
	}
	s.last++
	token = s.last
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(token), Pad: int32(token >> 32)}
	if err := unix.EpollCtl(s.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		_ = unix.Close(fd)
		return 0, 0, false, errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.ENOMEM)
	}
	return fd, token, true, false
}

// remove gives a descriptor back.
func (s *pidfds) remove(fd int) {
	// A copy of the descriptor that a child holds would keep it in the set.
	_ = unix.EpollCtl(s.fd, unix.EPOLL_CTL_DEL, fd, nil)
	_ = unix.Close(fd)
}

// wait calls ended with the token of each process that has ended, and of the same one again
// until it is removed. It returns once the set is closed.
func (s *pidfds) wait(ended func(token uint64)) {
	var events [128]unix.EpollEvent
	for {
		var n int
		var failed error
		err := s.raw.Read(func(fd uintptr) bool {
			n, failed = unix.EpollWait(int(fd), events[:], 0)
			if errors.Is(failed, unix.EINTR) {
				n, failed = 0, nil
				return true // and round again
			}
			return n != 0 || failed != nil
		})
		if err != nil || failed != nil {
			return
		}
		for _, ev := range events[:max(n, 0)] {
			ended(uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32)
		}
	}
}

// close ends wait. Descriptors that are still in the set are not given back.
func (s *pidfds) close() { _ = s.epoll.Close() }

// openFiles is how many files this process may have open.
func openFiles() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<20))
}
