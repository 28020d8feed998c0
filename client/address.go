package client

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseAddress gives the base URL of an address, without a slash at its end.
func parseAddress(address string, secured bool) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("address %q: %s; give host:port, https://host:port or http://host:port", address, why)
	}
	if !strings.Contains(address, "://") {
		host, port, err := net.SplitHostPort(address)
		if err != nil || host == "" || port == "" {
			return bad("no host and port")
		}
		scheme := "https://"
		if !secured && isLoopback(host) {
			scheme = "http://"
		}
		return parseAddress(scheme+address, secured)
	}

	u, err := url.Parse(address)
	switch {
	case err != nil:
		return bad("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("the scheme is neither http nor https")
	case u.Hostname() == "":
		return bad("no host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Path != "" && u.Path != "/"):
		return bad("it holds more than a host and a port")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return bad("the port is not in 1–65535")
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return bad("no port after the colon")
	}
	return u.Scheme + "://" + u.Host, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
