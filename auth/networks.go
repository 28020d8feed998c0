package auth

import (
	"errors"
	"fmt"
	"net/netip"
)

// parseNetworks reads CIDRs. A prefix with bits behind its length is refused: 10.1.2.3/8 is
// written by someone who means either more or less than it says.
func parseNetworks(key string, list []string, problems *[]error) []netip.Prefix {
	if len(list) == 0 {
		return nil
	}
	networks := make([]netip.Prefix, 0, len(list))
	for i, text := range list {
		p, err := ParseNetwork(text)
		if err != nil {
			*problems = append(*problems, fmt.Errorf("%s[%d] %q: %w", key, i, text, err))
			continue
		}
		networks = append(networks, p)
	}
	return networks
}

// ParseNetwork reads a network of check_cidrs: an address and the length of its prefix.
func ParseNetwork(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, errors.New("is not a network such as 10.0.0.0/8 or fd00::/8")
	case p.Addr().Is4In6():
		return netip.Prefix{}, errors.New("is an IPv4 network in the form of IPv6: write it as IPv4")
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("has bits behind its length: write %s", p.Masked())
	}
	return p, nil
}

// CheckNetworks gives the networks in which the instances of a service that the identity
// registered may be checked. Not limited: in all that may be checked at all. Limited and
// empty: in none, as where the identity may not register the service any more. Of several
// rules that let it register, each adds its networks, and one without lifts the limit:
// allowed is what any rule allows. The slice is the caller's.
func (a *Authorizer) CheckNetworks(identity, service string) (networks []netip.Prefix, limited bool) {
	if !a.Authorize(identity, Register, service).Allowed {
		return []netip.Prefix{}, true
	}
	if len(a.rules) == 0 {
		return nil, false
	}
	networks = []netip.Prefix{}
	for i := range a.rules {
		r := &a.rules[i]
		if !r.allows(Register, service) || !r.identity.Match(identity) {
			continue
		}
		if r.networks == nil {
			return nil, false
		}
		networks = append(networks, r.networks...)
	}
	return networks, true
}
