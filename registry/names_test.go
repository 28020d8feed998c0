package registry

import (
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// The grammars of the wire, as they stand there.
var (
	serviceForm  = regexp.MustCompile(`\A[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\z`)
	instanceForm = regexp.MustCompile(`\A[A-Za-z0-9._:@~+=-]{1,128}\z`)
	labelForm    = regexp.MustCompile(`\A[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\z`)
)

// seeds are texts in which a rule is met or missed by one.
var seeds = []string{"", "a", "-", "a-", "-a", "a.b", ".", "..", "...", "a..b", "a/b", "ä", "a\x00", "a\n", "0", "1.2.3.4", "1.2.3",
	"1.2.3.256", "01.2.3.4", "::1", "::ffff:1.2.3.4", "fe80::1%eth0", "[::1]", "localhost", "example.org.", "example.org..", "a_b.c",
	"x.1", "1.x", "10.0.0.1:80", "a@b:c~d+e=f-", "0x7f.1", "999999999999", " a", "a ", "%", "a%00", "*.example.org", "xn--bcher-kva",
	strings.Repeat("a", 62), strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 128), strings.Repeat("a", 129),
	strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 127) + "a", strings.Repeat("a", 63) + ".b", strings.Repeat("a", 64) + ".b"}

func FuzzValidService(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := ValidService(s); got != serviceForm.MatchString(s) {
			t.Errorf("ValidService(%q) = %v", s, got)
		}
	})
}

func FuzzValidInstanceID(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := instanceForm.MatchString(s) && s != "." && s != ".."
		if got := ValidInstanceID(s); got != want {
			t.Errorf("ValidInstanceID(%q) = %v", s, got)
		}
		if bad := CheckRef("a", s); (len(bad) == 0) != want {
			t.Errorf("CheckRef(%q) = %v", s, bad)
		}
	})
}

func FuzzValidAddress(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := ValidAddress(s)
		if ip := net.ParseIP(s); ip != nil && !got {
			t.Errorf("the IP address %q is refused", s)
		}
		if addr, err := netip.ParseAddr(s); err == nil {
			if got != (addr.Zone() == "") {
				t.Errorf("the IP address %q: %v", s, got)
			}
			return
		}
		if want := isName(s); got != want {
			t.Errorf("the name %q: %v", s, got)
		}
		// Whatever is taken can stand in a URL, and means itself there.
		if got && strings.ContainsAny(s, "/:@?#[]%\\ \t\r\n\x00") {
			t.Errorf("%q is taken", s)
		}
	})
}

// isName is the rule of a DNS name in other words.
func isName(s string) bool {
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	for _, l := range labels {
		if !labelForm.MatchString(l) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(strings.Join(labels, ".")) <= 253 && !regexp.MustCompile(`\A[0-9]*\z`).MatchString(last)
}
