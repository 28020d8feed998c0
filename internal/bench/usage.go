package bench

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// usage is what had been used of the machine at one moment.
type usage struct {
	at        time.Time
	machine   cpuTimes
	server    time.Duration // CPU time of the server under load
	behind    time.Duration // CPU time of its backend, with the children that it waited for
	load      time.Duration // CPU time of this process
	strangers time.Duration // CPU time of all other processes, where they can be seen
}

// read takes everything but the strangers of a server and the processes behind it, the
// server's time last.
func (u *usage) read(pid int, behind []int) error {
	machine, err := readCPUTimes()
	if err != nil {
		return err
	}
	load, err := readProcessTimes(os.Getpid())
	if err != nil {
		return err
	}
	u.behind = 0
	for _, pid := range behind {
		t, err := readProcessTimes(pid)
		if err != nil {
			return err
		}
		u.behind += t.own + t.children
	}
	server, err := readProcessTimes(pid)
	if err != nil {
		return err
	}
	u.machine, u.load, u.server, u.at = machine, load.own, server.own, time.Now()
	return nil
}

// used is what was used between two moments; steal and others are shares of the
// machine's CPU, from 0 to 1.
type used struct {
	wall          time.Duration
	server, load  time.Duration
	behind        time.Duration
	steal, others float64
}

// since gives what was used since before.
//
// Others are seen in two ways, and the larger counts. The sum over the processes is
// exact but blind outside this container. What /proc/stat charged to processes beyond
// server, backend and load is a lower bound: many kernels sample it, and book time in soft
// interrupts apart that the processes were charged for.
func (u usage) since(before usage) used {
	out := used{wall: u.at.Sub(before.at), server: u.server - before.server, load: u.load - before.load, behind: u.behind - before.behind}
	total := u.machine.total - before.machine.total
	if total <= 0 {
		return out
	}
	others := max(u.strangers-before.strangers, u.machine.user-before.machine.user-out.server-out.load-out.behind, 0)
	out.others = float64(others) / float64(total)
	out.steal = float64(u.machine.steal-before.machine.steal) / float64(total)
	return out
}

// gone tells whether err says that a process ended while one read about it.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
