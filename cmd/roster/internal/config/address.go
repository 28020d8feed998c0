package config

import (
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// address is a host and a port to listen at or to call.
type address struct {
	host string // empty: every interface
	port int
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

// splitAddress reads host:port. Names of ports, which depend on the machine, are refused.
func splitAddress(s string) (address, error) {
	if _, err := strconv.Atoi(s); err == nil {
		return address{}, errors.New("want host:port; a port alone is written with a colon, such as :8443")
	}
	host, portText, err := net.SplitHostPort(s)
	if err != nil {
		return address{}, errors.New("want host:port, such as :8443 or 127.0.0.1:8443")
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || portText[0] == '+' {
		return address{}, errors.New("want a port from 0 to 65535")
	}
	if host != "" && !hostName.MatchString(host) {
		if _, err := netip.ParseAddr(host); err != nil {
			return address{}, errors.New("want an IP address or a name before the port")
		}
	}
	return address{host: host, port: int(port)}, nil
}

// overlaps tells whether two listeners could not both open. Port 0 is another port each time.
func (a address) overlaps(b address) bool {
	if a.port != b.port || a.port == 0 {
		return false
	}
	return strings.EqualFold(a.host, b.host) || a.everywhere() || b.everywhere()
}

func (a address) everywhere() bool {
	ip, err := netip.ParseAddr(a.host)
	return a.host == "" || err == nil && ip.IsUnspecified()
}
