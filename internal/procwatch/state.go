package procwatch

// sight is what a look at a pid showed.
type sight uint8

const (
	unseen sight = iota // nothing can be said: the system does not let us look
	alive
	gone // there is no such process, or only its exit status is left
)

// system is the machine. Its methods may be called concurrently.
type system interface {
	// look tells of the process that has the pid now, and, where it lives, when it started.
	look(pid int) (start string, s sight)
	// here gives the boot of the machine and the space of its pids, without spaces and "/".
	here() (boot, space string)
}

// state is what is known of a process that was named.
type state uint8

const (
	lives   state = iota // or cannot be seen
	ended                // for certain
	foreign              // of another machine or container, or no identity at all
)

func stateOf(sys system, id Identity) state {
	n, err := parse(id)
	if err != nil {
		return foreign
	}
	boot, space := sys.here()
	switch {
	case n.space != space, n.boot != boot && (n.boot == "" || boot == ""):
		return foreign
	case n.boot != boot:
		return ended
	}
	switch start, s := sys.look(n.pid); {
	case s == gone, s == alive && start != n.start:
		return ended
	}
	return lives
}

// identify names the process that has the pid now; empty: none is seen alive.
func identify(sys system, pid int) Identity {
	if pid < 1 || pid > maxPID {
		return ""
	}
	start, s := sys.look(pid)
	if s != alive || start == "" {
		return ""
	}
	n := name{pid: pid, start: start}
	n.boot, n.space = sys.here()
	return n.identity()
}
