package procwatch

import (
	"errors"
	"strconv"

	"golang.org/x/sys/windows"
)

// windowsMachine looks at processes through their handles. Their start is a date, so that
// no boot need be told from another.
type windowsMachine struct{}

func machine() system { return windowsMachine{} }

func (windowsMachine) here() (boot, space string) { return "", "windows" }

func (windowsMachine) look(pid int) (start string, s sight) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid))
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) { // there is no such process
		return "", gone
	}
	if err != nil {
		return "", unseen
	}
	defer func() { _ = windows.CloseHandle(h) }()
	if ev, err := windows.WaitForSingleObject(h, 0); err == nil && ev == windows.WAIT_OBJECT_0 {
		return "", gone // somebody holds a handle of it still
	}
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(h, &created, &exited, &kernel, &user) != nil {
		return "", unseen
	}
	return strconv.FormatInt(created.Nanoseconds(), 10), alive
}
