package check

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrForbidden is what a refused address is wrapped in by [Judge], and what a check gives for it.
var ErrForbidden = errors.New("not allowed")

// Judge tells whether checks may connect to an address: nil, or an error that says which address
// is not allowed. Forbidden, whatever the networks say, are the unspecified, link-local,
// multicast, broadcast and reserved addresses, those of the metadata services of clouds, what
// has a zone, and loopback unless it is allowed; IPv6 addresses that stand for such an
// IPv4 address; and all of transition mechanisms that are out of use. Networks nil means any
// other address; networks that are empty allow none.
func Judge(addr netip.Addr, networks []netip.Prefix, allowLoopback bool) error {
	if !allowed(addr, networks, allowLoopback) {
		return fmt.Errorf("address %s is %w", addr.WithZone(""), ErrForbidden)
	}
	return nil
}

func allowed(addr netip.Addr, networks []netip.Prefix, allowLoopback bool) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	// A v4-mapped address is the IPv4 address: the system connects to it by IPv4.
	addr = addr.Unmap()
	if !fit(addr, allowLoopback) || !within(addr, networks) {
		return false
	}
	if v4, ok := translated(addr); ok {
		return fit(v4, false) && within(v4, networks)
	}
	return true
}

// fit tells whether an address, taken for itself, is one of an instance.
func fit(addr netip.Addr, allowLoopback bool) bool {
	if addr.IsLoopback() {
		return allowLoopback
	}
	for _, p := range never {
		if p.Contains(addr) {
			return false
		}
	}
	return true
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	if networks == nil {
		return true
	}
	for _, p := range networks {
		if q := p.Addr(); q.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(q.Unmap(), p.Bits()-96)
		}
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// translated gives the IPv4 address that an IPv6 address is translated to on its way: NAT64
// (RFC 6052) and ISATAP (RFC 5214). Mechanisms that are out of use are in never as a whole.
func translated(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	isatap := b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
	if isatap || nat64.Contains(addr) {
		return netip.AddrFrom4([4]byte(b[12:])), true
	}
	return netip.Addr{}, false
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// never are the networks that no instance is in.
var never = prefixes(
	"0.0.0.0/8",              // this network; the system takes it for loopback
	"127.0.0.0/8",            // loopback in a translated form
	"169.254.0.0/16",         // link-local: the metadata of most clouds
	"192.0.0.0/24",           // protocol assignments: 192.0.0.192 is the metadata of Oracle's cloud
	"100.100.100.200/32",     // metadata of Alibaba's cloud
	"168.63.129.16/32",       // the host of a machine in Azure
	"224.0.0.0/4",            // multicast
	"240.0.0.0/4",            // reserved, and broadcast
	"::/96",                  // unspecified, loopback, IPv4-compatible (out of use)
	"::ffff:0:0:0/96",        // IPv4-translated (RFC 2765, out of use)
	"64:ff9b:1::/48",         // NAT64 of a prefix length that nobody outside knows (RFC 8215)
	"100::/64",               // discarded (RFC 6666)
	"2001::/32",              // Teredo (out of use)
	"2002::/16",              // 6to4 (out of use)
	"fd00:ec2::/32",          // metadata and other services of Amazon's machines
	"fd20:ce::254/128",       // metadata of Google's cloud
	"fd00:c1::a9fe:a9fe/128", // metadata of Oracle's cloud
	"fd00:42::42/128",        // metadata of Scaleway's cloud
	"fe80::/10",              // link-local
	"fec0::/10",              // site-local (out of use)
	"ff00::/8",               // multicast
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}
