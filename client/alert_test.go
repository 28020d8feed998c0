package client

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestAlertSaysWhyAConnectionEnded(t *testing.T) {
	a := newAuthority(t)
	address, dir := serveTLS(t, a), t.TempDir()
	ca := filepath.Join(dir, "ca.crt")
	a.file(ca, "CERTIFICATE", a.cert.Raw)
	c, err := New(Options{Addresses: []string{"https://" + address}, CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	gone := errors.New("http2: client conn could not be established")
	if err := c.alert(limited(t), c.bases[0], gone); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("the reason is %v", err)
	}
	if err := c.alert(limited(t), c.bases[0], errors.New("another")); err != nil {
		t.Errorf("another error has the reason %v", err)
	}

	// One that is let in learns nothing.
	cert, key := a.write(dir, "one")
	good, err := New(Options{Addresses: []string{address}, CAFile: ca, CertFile: cert, KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	if err := good.alert(limited(t), good.bases[0], gone); err != nil {
		t.Errorf("a good client's connection has the reason %v", err)
	}
}
