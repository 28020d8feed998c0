package devfile

import (
	"bytes"
	"os"
	"strconv"
)

// ended tells whether the process has ended and only waits to be collected.
func ended(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false // no /proc: nothing is known
	}
	// The state follows the name, which stands in brackets and may hold brackets.
	_, state, ok := bytes.Cut(stat[max(bytes.LastIndexByte(stat, ')'), 0):], []byte(" "))
	return ok && len(state) > 0 && (state[0] == 'Z' || state[0] == 'X')
}
