package auth

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "", "0.0.0.0/0": "", "10.1.2.3/32": "", "::/0": "", "fd00::/8": "", "2001:db8::1/128": "",
		"": "is not a network", "10.0.0.1": "is not a network", "10.0.0.0/33": "is not a network", "10.0.0.0/ 8": "is not a network",
		"10.1.2.3/8": "write 10.0.0.0/8", "fd00::1/8": "write fd00::/8", "::ffff:10.0.0.0/104": "write it as IPv4",
		"fe80::1%eth0/64": "is not a network", "010.0.0.0/8": "is not a network",
	} {
		p, err := ParseNetwork(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || err == nil && p.String() != text {
			t.Errorf("%q: %v, %v", text, p, err)
		}
	}
}

// TestCheckNetworks: each rule that lets register adds its networks, one without lifts the
// limit, and who may not register is checked nowhere.
func TestCheckNetworks(t *testing.T) {
	none, err := Policy{}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Policy{Services: []string{"orders*", "users", "open"}, Rules: []Rule{
		{Identity: "orders*", Register: []string{"orders*"}, CheckNetworks: []string{"10.0.0.0/8", "fd00::/8"}},
		{Identity: "orders-1", Register: []string{"orders"}, CheckNetworks: []string{"192.0.2.0/24"}},
		{Identity: "orders-2", Register: []string{"orders", "unlisted"}},
		{Identity: "*", Discover: []string{"*"}},
		{Identity: "boss", Admin: true},
	}}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		a                       *Authorizer
		identity, service, want string
	}{
		{none, "anyone", "orders", "[] false"},
		{none, "", "orders", "[] true"},
		{a, "orders", "orders", "[10.0.0.0/8 fd00::/8] true"},
		{a, "orders-1", "orders", "[10.0.0.0/8 fd00::/8 192.0.2.0/24] true"},
		{a, "orders-1", "orders-eu", "[10.0.0.0/8 fd00::/8] true"},
		{a, "orders-2", "orders", "[] false"},
		{a, "orders-2", "unlisted", "[] true"},
		{a, "users", "orders", "[] true"},
		{a, "boss", "orders", "[] true"},
	} {
		networks, limited := tt.a.CheckNetworks(tt.identity, tt.service)
		if got := fmt.Sprint(networks, limited); got != tt.want || limited && networks == nil {
			t.Errorf("%s on %s: %s, want %s", tt.identity, tt.service, got, tt.want)
		}
	}
}

func TestCompileNetworks(t *testing.T) {
	_, err := Policy{Rules: []Rule{
		{Identity: "x", Register: []string{"a"}, CheckNetworks: []string{"10.0.0.0/8", "no"}},
		{Identity: "x", Discover: []string{"a"}, CheckNetworks: []string{"10.0.0.0/8"}},
	}}.Compile()
	for _, want := range []string{`auth.policies[0].check_cidrs[1] "no": is not a network`, "auth.policies[1].check_cidrs: limits the checks"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %s in it", err, want)
		}
	}
}
