package procwatch

import (
	"errors"
	"strconv"
	"strings"
)

// Identity names one process for ever. It is text without spaces, to be compared for
// equality and kept, and means something to this package only. The empty one is no process.
//
// It is another name for string, so that what keeps identities need not know this package.
type Identity = string

// maxPID is beyond what any system gives; higher numbers would wrap around in a system
// call, and 0 and negative ones mean whole groups of processes to some.
const maxPID = 1<<31 - 1

// name is an Identity taken apart.
type name struct {
	pid   int
	start string // when it started, in the system's own unit
	boot  string // of the machine; empty where the start says enough, or it is not known
	space string // in which the pid is one; a pid of another space means nothing here
}

var errIdentity = errors.New("not the identity of a process")

func (n name) identity() Identity {
	return strings.Join([]string{strconv.Itoa(n.pid), n.start, n.boot, n.space}, "/")
}

func parse(id Identity) (name, error) {
	f := strings.Split(id, "/")
	if len(f) != 4 || f[1] == "" {
		return name{}, errIdentity
	}
	pid, err := strconv.Atoi(f[0])
	if err != nil || pid < 1 || pid > maxPID || f[0] != strconv.Itoa(pid) {
		return name{}, errIdentity
	}
	return name{pid: pid, start: f[1], boot: f[2], space: f[3]}, nil
}

// PID gives the pid of an identity, 0 for text that is none.
func PID(id Identity) int {
	n, _ := parse(id)
	return n.pid
}
