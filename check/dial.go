package check

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mostAddresses is how many addresses of one name are tried.
const mostAddresses = 4

// leastShare is the least time that one address of several gets.
const leastShare = 100 * time.Millisecond

var (
	errForbiddenName = refused("the address of its name is not allowed")
	errNoName        = why("its name has no address")
)

// dial connects to the target's address and port, and to nothing else. A name is resolved
// once; every address is judged before it is tried, and again by what the system is about to
// connect to, so that no second answer of a name server comes between.
func (p *Prober) dial(ctx context.Context, t *Target) (net.Conn, error) {
	if t.Port == 0 {
		return nil, why("port 0 is not allowed")
	}
	addrs, err := p.addresses(ctx, t)
	if err != nil {
		return nil, err
	}
	for i, addr := range addrs {
		if err := turnOf(ctx, addr); err != nil {
			return nil, err
		}
		var conn net.Conn
		if conn, err = p.connect(ctx, t, addr, len(addrs)-i); err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// addresses gives those of the target's addresses that may be connected to, at least one.
func (p *Prober) addresses(ctx context.Context, t *Target) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(t.Address); err == nil {
		if err := Judge(addr, t.Networks, p.options.AllowLoopback); err != nil {
			return nil, refused(err.Error())
		}
		return []netip.Addr{addr.Unmap()}, nil
	}
	if !isName(t.Address) {
		return nil, why("its address is not valid")
	}
	found, err := p.options.Resolver.LookupNetIP(ctx, "ip", t.Address)
	var unknown *net.DNSError
	switch {
	case err != nil && ctx.Err() != nil:
		// Nobody knows whose fault it is that no answer came.
		return nil, undecided("no name server answered")
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return nil, errNoName
	case err != nil:
		return nil, undecided("no name server answered")
	}
	var fitting []netip.Addr
	for _, addr := range found {
		if len(fitting) < mostAddresses && allowed(addr, t.Networks, p.options.AllowLoopback) {
			fitting = append(fitting, addr.Unmap())
		}
	}
	switch {
	case len(found) == 0:
		return nil, errNoName
	case len(fitting) == 0:
		return nil, errForbiddenName
	}
	return fitting, nil
}

// connect connects to one address. Of the time that is left, each of the addresses that are
// left to try gets as much.
func (p *Prober) connect(ctx context.Context, t *Target, addr netip.Addr, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		share := max(time.Until(deadline)/time.Duration(left), leastShare)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, share)
		defer cancel()
	}
	d := net.Dialer{KeepAlive: -1, Control: p.guard(t)}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), strconv.Itoa(int(t.Port))))
}

// guard is asked about each address that the system is about to connect to.
func (p *Prober) guard(t *Target) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || to.Port() != t.Port || !allowed(to.Addr(), t.Networks, p.options.AllowLoopback) {
			return errForbiddenName
		}
		return nil
	}
}

// isName tells whether an address that is not one of IP is a DNS name. What ends in a number,
// in whatever base, is none: it would be an IPv4 address in another form.
func isName(s string) bool {
	name := strings.TrimSuffix(s, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return false
	}
	_, err := strconv.ParseUint(last, 0, 64)
	return err != nil && !strings.HasPrefix(last, "0x") && !strings.HasPrefix(last, "0X")
}
