package check

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// forbiddenAddresses is the corpus: nothing may ever connect to one of them, loopback allowed or not.
var forbiddenAddresses = []string{
	"0.0.0.0", "0.1.2.3", "::", // unspecified
	"169.254.169.254", "169.254.170.2", "169.254.0.1", "fe80::1", "fe80::a9fe:a9fe", "febf::1", "fec0::1",
	"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::253", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42",
	"224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "ff02::1", "ff0e::1",
	"::ffff:169.254.169.254", "::ffff:0.0.0.0", "::ffff:224.0.0.1", "::ffff:255.255.255.255", "::ffff:100.100.100.200",
	"::169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1", "::ffff:0:169.254.169.254",
	"64:ff9b::169.254.169.254", "64:ff9b::127.0.0.1", "64:ff9b::0.0.0.0", "64:ff9b::100.100.100.200", "64:ff9b:1::a9fe:a9fe",
	"2002:7f00:1::1", "2002:a9fe:a9fe::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:7f00:1::",
	"2001:db8::5efe:127.0.0.1", "2001:db8::200:5efe:169.254.169.254", "fd00::5efe:a9fe:a9fe",
	"fe80::1%eth0", "2001:db8::1%eth0", "::1%lo", "::ffff:10.0.0.1%eth0",
	"100::1",
}

var loopbackAddresses = []string{"127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:2"}

var goodAddresses = []string{
	"10.0.0.1", "172.16.0.9", "192.168.1.1", "100.64.0.1", "100.100.100.201", "8.8.8.8", "169.253.255.255", "169.255.0.0", "223.255.255.255", "168.63.129.17",
	"2001:db8::1", "fd00::1", "fd00:ec3::1", "fc00::1", "2a00:1450::1", "64:ff9b::10.0.0.1", "2001:1::1", "::ffff:10.0.0.1", "2001:db8::5efe:10.0.0.1",
}

func TestJudge(t *testing.T) {
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for _, networks := range [][]netip.Prefix{nil, everything} {
		for _, s := range forbiddenAddresses {
			for _, loopback := range []bool{false, true} {
				err := Judge(netip.MustParseAddr(s), networks, loopback)
				if !errors.Is(err, ErrForbidden) {
					t.Errorf("%s with %v, loopback %v: %v", s, networks, loopback, err)
				} else if strings.Contains(err.Error(), "%") {
					t.Errorf("%s: a zone is told: %v", s, err)
				}
			}
		}
		for _, s := range loopbackAddresses {
			if err := Judge(netip.MustParseAddr(s), networks, false); !errors.Is(err, ErrForbidden) {
				t.Errorf("%s with %v: %v", s, networks, err)
			}
			if err := Judge(netip.MustParseAddr(s), networks, true); err != nil {
				t.Errorf("%s with %v, loopback allowed: %v", s, networks, err)
			}
		}
		for _, s := range goodAddresses {
			if err := Judge(netip.MustParseAddr(s), networks, false); err != nil {
				t.Errorf("%s with %v: %v", s, networks, err)
			}
		}
	}
	if err := Judge(netip.Addr{}, nil, true); !errors.Is(err, ErrForbidden) {
		t.Errorf("no address: %v", err)
	}
}

func TestJudgeNetworks(t *testing.T) {
	for _, c := range []struct {
		addr, networks string
		want           bool
	}{
		{"10.1.2.3", "10.0.0.0/8", true},
		{"11.1.2.3", "10.0.0.0/8", false},
		{"::ffff:10.1.2.3", "10.0.0.0/8", true},
		{"10.1.2.3", "::ffff:10.0.0.0/104", true},
		{"10.1.2.3", "::/0", false},
		{"2001:db8::1", "0.0.0.0/0", false},
		{"2001:db8::1", "10.0.0.0/8 2001:db8::/32", true},
		{"10.1.2.3", "", false},
		{"64:ff9b::10.1.2.3", "64:ff9b::/96", false}, // where it leads to counts too
		{"64:ff9b::10.1.2.3", "10.0.0.0/8", false},
		{"64:ff9b::10.1.2.3", "64:ff9b::/96 10.0.0.0/8", true},
	} {
		networks := prefixes(strings.Fields(c.networks)...)
		if err := Judge(netip.MustParseAddr(c.addr), networks, false); (err == nil) != c.want {
			t.Errorf("%s in %q: %v", c.addr, c.networks, err)
		}
	}
}

// FuzzJudge holds the judgement against the standard library's, and an address against its
// other forms.
func FuzzJudge(f *testing.F) {
	for _, s := range append(append([]string{}, forbiddenAddresses...), goodAddresses...) {
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, loopback bool) {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return
		}
		ok := Judge(addr, nil, loopback) == nil
		real := addr.Unmap()
		if ok && (real.IsUnspecified() || real.IsMulticast() || real.IsLinkLocalUnicast() || real.IsInterfaceLocalMulticast() ||
			real.Zone() != "" || real.IsLoopback() && !loopback || real == netip.AddrFrom4([4]byte{255, 255, 255, 255})) {
			t.Fatalf("%s is allowed", addr)
		}
		if ok && Judge(addr, []netip.Prefix{}, loopback) == nil {
			t.Fatalf("%s is allowed by no network", addr)
		}
		if ok && Judge(addr, nil, true) != nil {
			t.Fatalf("%s is not allowed any more with loopback", addr)
		}
		if !real.Is4() {
			return
		}
		b := real.As4()
		if mapped := netip.AddrFrom16(real.As16()); (Judge(mapped, nil, loopback) == nil) != (Judge(real, nil, loopback) == nil) {
			t.Fatalf("%s and %s differ", mapped, real)
		}
		wide := nat64.Addr().As16()
		copy(wide[12:], b[:])
		if translated := netip.AddrFrom16(wide); (Judge(translated, nil, loopback) == nil) != (Judge(real, nil, false) == nil) {
			t.Fatalf("%s and %s differ", translated, real)
		}
	})
}
