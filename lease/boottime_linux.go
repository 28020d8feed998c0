package lease

import (
	"syscall"
	"time"
	"unsafe"
)

// clockBoottime is CLOCK_BOOTTIME of linux/time.h, which the package syscall lacks.
const clockBoottime = 7

// Boottime gives a reader of the clock that counts while the machine is suspended, for
// [Options.Boottime]; nil where the system has none.
func Boottime() func() time.Duration {
	if _, ok := readBoottime(); !ok {
		return nil
	}
	return func() time.Duration {
		now, _ := readBoottime() // a clock that was there once does not go
		return now
	}
}

func readBoottime() (time.Duration, bool) {
	var ts syscall.Timespec
	// Raw: the call never blocks, so the scheduler need not hear of it.
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano()), errno == 0
}
