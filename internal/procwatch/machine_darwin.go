package procwatch

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// darwin looks at processes through sysctl.
type darwin struct{ boot string }

func machine() system {
	boot, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		boot = "" // the start of a process is a date, and says nearly as much
	}
	return darwin{boot}
}

func (m darwin) here() (boot, space string) { return m.boot, "" }

// zombie is SZOMB of sys/proc.h.
const zombie = 5

func (darwin) look(pid int) (start string, s sight) {
	if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		return "", gone
	}
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	switch {
	case err != nil || int(p.Proc.P_pid) != pid:
		return "", unseen
	case p.Proc.P_stat == zombie:
		return "", gone
	}
	at := p.Proc.P_starttime
	return strconv.FormatInt(at.Sec, 10) + "." + strconv.FormatInt(int64(at.Usec), 10), alive
}
