package registry

import (
	"net/netip"
	"strings"
)

// The limits of what an instance may say of itself.
const (
	maxServiceName   = 63
	maxInstanceID    = 128
	maxText          = 128 // version, zone and the like
	maxTags          = 64
	maxMetadata      = 64
	maxMetadataBytes = 8 << 10
	maxNote          = 256
	minWeight        = 1
	maxWeight        = 10_000
	defaultWeight    = 100
)

// The rules as they are told to callers.
const (
	ruleService  = "must be 1 to 63 of A-Z a-z 0-9 . _ - and begin and end with a letter or digit"
	ruleInstance = "must be 1 to 128 of A-Z a-z 0-9 . _ : @ ~ + = - and not . or .."
	ruleAddress  = "must be an IP address or a DNS name"
	rulePort     = "must be an integer from 1 to 65535"
	ruleWeight   = "must be an integer from 1 to 10000"
	ruleStatus   = "must be starting, up, draining or out_of_service"
)

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// ValidService tells whether s is a service name: [A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?
func ValidService(s string) bool {
	if s == "" || len(s) > maxServiceName || !isAlnum(s[0]) || !isAlnum(s[len(s)-1]) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// ValidInstanceID tells whether s is an instance ID: 1 to 128 of [A-Za-z0-9._:@~+=-]. The
// two names that stand for folders in a URL's path are refused: no URL could name them.
func ValidInstanceID(s string) bool {
	if s == "" || len(s) > maxInstanceID || s == "." || s == ".." {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !inInstanceID[s[i]] {
			return false
		}
	}
	return true
}

// inInstanceID tells which bytes an instance ID may have.
var inInstanceID = func() (may [256]bool) {
	for c := range may {
		may[c] = isAlnum(byte(c)) || strings.IndexByte("._:@~+=-", byte(c)) >= 0
	}
	return may
}()

// ValidAddress tells whether s is an IP address without a zone, or a DNS name.
func ValidAddress(s string) bool {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Zone() == ""
	}
	name := strings.TrimSuffix(s, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	var label string
	for label = range strings.SplitSeq(name, ".") {
		if !validLabel(label) {
			return false
		}
	}
	// What ends in a number is a mistyped IPv4 address (WHATWG URL, "ends in a number").
	return strings.Trim(label, "0123456789") != ""
}

func validLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
