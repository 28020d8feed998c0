package config

import (
	"crypto/rand"
	"os"
	"strings"
)

// NodeName is the name of this node: the one configured, or, where that is empty, the name
// of the host with a random suffix, another one at each call. A node that starts again is
// a new node.
func NodeName(configured string) string {
	if configured != "" {
		return configured
	}
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return nodeNameOn(host)
}

// nodeNameOn makes a name on a host, of the characters that a node's name may have.
func nodeNameOn(host string) string {
	host = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, host)
	if host = strings.Trim(host[:min(len(host), 63)], "-."); host == "" {
		host = "node"
	}
	return host + "-" + strings.ToLower(rand.Text()[:6])
}
