package client

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
)

func TestAddressForms(t *testing.T) {
	for _, test := range []struct {
		address string
		secured bool
		want    string // empty: refused
	}{
		{"registry.example:8443", false, "https://registry.example:8443"},
		{"127.0.0.1:4000", false, "http://127.0.0.1:4000"},
		{"localhost:4000", false, "http://localhost:4000"},
		{"[::1]:4000", false, "http://[::1]:4000"},
		{"127.0.0.1:4000", true, "https://127.0.0.1:4000"},
		{"https://registry.example", false, "https://registry.example"},
		{"https://registry.example:1/", false, "https://registry.example:1"},
		{"http://10.0.0.1:80", true, "http://10.0.0.1:80"},
		{"10.0.0.1:4000", false, "https://10.0.0.1:4000"},
		{"", false, ""},
		{"registry.example", false, ""},
		{":8443", false, ""},
		{"host:", false, ""},
		{"host:0", false, ""},
		{"host:65536", false, ""},
		{"host:http", false, ""},
		{"ftp://host:1", false, ""},
		{"https://user:pw@host:1", false, ""},
		{"https://host:1/registry", false, ""},
		{"https://host:1?x=y", false, ""},
		{"https://:8443", false, ""},
		{"host:80/path", false, ""},
		{"::1:4000", false, ""},
	} {
		got, err := parseAddress(test.address, test.secured)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("parseAddress(%q, %v) = %q, %v; want %q", test.address, test.secured, got, err, test.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		opts Options
		want string
	}{
		"TLS for nobody":   {Options{CAFile: "x"}, "ROSTER_ADDRESS"},
		"bad address":      {Options{Addresses: []string{"nonsense"}}, "host:port"},
		"absent CA":        {Options{Addresses: []string{"a:1"}, CAFile: "testdata/none.pem"}, "CA bundle"},
		"CA without certs": {Options{Addresses: []string{"a:1"}, CAFile: "client_test.go"}, "no certificate in PEM"},
		"cert without key": {Options{Addresses: []string{"a:1"}, CertFile: "x"}, "both"},
		"absent cert":      {Options{Addresses: []string{"a:1"}, CertFile: "x", KeyFile: "y"}, "client certificate"},
		"TLS twice":        {Options{Addresses: []string{"a:1"}, TLS: &tls.Config{}, CAFile: "x"}, "not both"},
		"TLS and HTTP":     {Options{Addresses: []string{"a:1"}, TLS: &tls.Config{}, HTTPClient: &http.Client{}}, "HTTPClient"},
	} {
		_, err := New(test.opts)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

func TestHTTPClientOfTheCallerStaysAsItIs(t *testing.T) {
	theirs := &http.Client{Timeout: 1}
	if _, err := New(Options{Addresses: []string{"a:1"}, HTTPClient: theirs}); err != nil {
		t.Fatal(err)
	}
	if theirs.Timeout != 1 || theirs.CheckRedirect != nil {
		t.Fatalf("the caller's client was changed: %+v", theirs)
	}
}

// TestClientsSpread: clients that know the same nodes do not all begin with the first of them,
// unless told to.
func TestClientsSpread(t *testing.T) {
	for _, inOrder := range []bool{false, true} {
		first := make(map[uint32]int)
		for range 200 {
			c, err := New(Options{Addresses: []string{"a:1", "b:1", "c:1"}, InOrder: inOrder})
			if err != nil {
				t.Fatal(err)
			}
			first[c.preferred.Load()]++
		}
		if inOrder && first[0] != 200 || !inOrder && (len(first) != 3 || first[0]+first[1]+first[2] != 200) {
			t.Errorf("in order %v: they begin with %v", inOrder, first)
		}
	}
}
