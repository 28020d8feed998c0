package rawclient

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/roster-sd/roster/wire"
)

// Get makes a request without a body.
func Get(host, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: rosterbench\r\nAccept: application/json\r\n\r\n", path, host)
}

// Post makes a request with a body of JSON, and with a token unless it is empty.
func Post(host, path, token string, body []byte) []byte {
	return append(Head(nil, "POST", host, path, token, len(body)), body...)
}

// Head appends a request but for its body, which is JSON of the given length in bytes.
func Head(b []byte, method, host, path, token string, length int) []byte {
	if token != "" {
		token = wire.HeaderToken + ": " + token + "\r\n"
	}
	return fmt.Appendf(b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: rosterbench\r\nAccept: application/json\r\n"+
		"Content-Type: application/json\r\n%sContent-Length: %d\r\n\r\n", method, path, host, token, length)
}

// Dial opens a connection to host:port, with its handshake done unless config is nil.
func Dial(ctx context.Context, address string, config *tls.Config) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil || config == nil {
		return conn, err
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close() // the handshake's error says more
		return nil, err
	}
	return secured, nil
}
