package cli

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"time"
)

// The ports that roster run chooses from lie below those that systems give out by themselves
// (Linux from 32768, macOS and Windows from 49152), so no connection that goes out takes one
// between our choice and the command's.
const (
	firstPort = 20000
	portCount = 7000
	// portStride shares no factor with portCount: stepping by it meets every port.
	portStride = 1009
)

// errNoPort: all ports are taken.
var errNoPort = errors.New("run: no free port between 20000 and 26999; give one with --port")

// choosePort gives a port on which nobody listens. Where it begins to look depends on the
// process, so that runs that start at one instant, and cannot see each other's choice yet,
// choose differently; try is 0 at first and counts the choices that came to nothing.
func choosePort(pid, try int) (int, error) {
	for step := range portCount {
		port := firstPort + (pid*portStride+(try*97+step)*portStride*31)%portCount
		if free(port) {
			return port, nil
		}
	}
	return 0, errNoPort
}

// free tells whether the port can be listened on, at the addresses of loopback.
func free(port int) bool {
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			if host == "::1" && !hasIPv6() {
				continue
			}
			return false
		}
		if l.Close() != nil {
			return false
		}
	}
	// Some systems let one address be listened on beside all addresses.
	_, taken := accepts(context.Background(), hosts("", true), port)
	return !taken
}

func hasIPv6() bool {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// hosts gives where a command of this machine may accept: where it was said to, or on either
// loopback address.
func hosts(given string, local bool) []string {
	list := []string{"127.0.0.1", "::1"}
	switch {
	case given == "":
		return list
	case local:
		return []string{given}
	}
	return append(list, given) // what others call it by may not lead here from here
}

// dialTime bounds one try to connect: a host that swallows packets must not hold up the others.
const dialTime = time.Second

// accepts gives the first of the hosts where something accepts connections at the port.
func accepts(ctx context.Context, hosts []string, port int) (host string, ok bool) {
	dialer := net.Dialer{Timeout: dialTime}
	for _, host := range hosts {
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			_ = conn.Close() // nothing was sent
			return host, true
		}
	}
	return "", false
}

// The waits between two tries to connect: short at first, for what starts fast.
const (
	firstTry = 2 * time.Millisecond
	lastTry  = 100 * time.Millisecond
)

// awaitPort waits until something accepts at the port, and gives where. Each time nothing has
// for so long, late is called. The error is that of the context.
func awaitPort(ctx context.Context, hosts []string, port int, patience time.Duration, late func()) (host string, err error) {
	notice := time.NewTimer(patience)
	defer notice.Stop()
	for step := firstTry; ; step = min(step*5/4, lastTry) {
		if host, ok := accepts(ctx, hosts, port); ok {
			return host, nil
		}
		timer := time.NewTimer(step)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "", ctx.Err()
		case <-notice.C:
			late()
			notice.Reset(max(patience, rareNotice))
		case <-timer.C:
		}
		timer.Stop()
	}
}

// rareNotice is how often, at the most, the same thing is said again.
const rareNotice = 5 * time.Minute

// setVariables gives this process's environment with the variables in it.
func setVariables(set map[string]string) []string {
	env := os.Environ()
	for name, value := range set {
		env = append(env, name+"="+value) // the last one counts
	}
	return env
}
