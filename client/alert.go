package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// alertWithin bounds the look for the reason of a failure, which is told late as it is.
const alertWithin = time.Second

// alert asks a registry that ended a connection why: with a handshake, and no request
// after it. In TLS 1.3 a client is done with its handshake before the registry has judged
// its certificate, and sends its first request; whether it reads the alert or fails to
// write is then a matter of luck. Nil: nothing is to be learnt.
func (c *Client) alert(ctx context.Context, base string, err error) error {
	address, secure := strings.CutPrefix(base, "https://")
	if !secure || c.tls == nil || !cutOff(err) {
		return nil
	}
	if _, _, bare := net.SplitHostPort(address); bare != nil {
		address = net.JoinHostPort(strings.Trim(address, "[]"), "443")
	}
	if req, err := http.NewRequest(http.MethodGet, base, nil); err != nil || proxied(req) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, alertWithin)
	defer cancel()
	conn, err := (&tls.Dialer{Config: c.tls}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	defer stop()
	if _, err = conn.Read(make([]byte, 1)); err != nil && strings.Contains(err.Error(), "remote error: tls:") {
		return err
	}
	return nil
}

// cutOff tells whether the other end ended the connection. HTTP/2 has an error without a
// type for one that ended before it was used.
func cutOff(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "client conn could not be established")
}

func proxied(req *http.Request) bool {
	proxy, err := http.ProxyFromEnvironment(req)
	return err != nil || proxy != nil
}
