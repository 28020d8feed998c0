package check

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

const (
	mostHeader = 16 << 10 // bytes of an answer before its body
	mostBody   = 4 << 10  // bytes of a body that are read, and thrown away
	mostHints  = 5        // answers of 100 to 199 before the one that counts
)

var (
	errNoHTTP  = why("gave no HTTP answer")
	errBadPath = why("the path of its check is not valid")
)

// askHTTP sends one GET and reads the answer. There is no client above it: nothing follows a
// redirect, asks a proxy or remembers a cookie, and what is sent is written here in full.
func askHTTP(_ context.Context, conn net.Conn, t *Target) error {
	host := net.JoinHostPort(t.Address, strconv.Itoa(int(t.Port)))
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: roster-check\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		t.Check.Path, host); err != nil {
		return refined(err)
	}
	bounded := &io.LimitedReader{R: conn, N: mostHeader}
	in := bufio.NewReaderSize(bounded, 4<<10)
	answer, err := readAnswer(in)
	switch {
	case err != nil && bounded.N <= 0:
		return why("answered with more than 16 KiB of headers")
	case err != nil:
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return why("answered " + strconv.Itoa(answer.StatusCode))
	}
	// Twice as much: the framing of a body in chunks is no part of it.
	bounded.N = 2 * mostBody
	if _, err := io.CopyN(io.Discard, answer.Body, mostBody); err != nil && !errors.Is(err, io.EOF) && bounded.N > 0 {
		return notHTTP(err)
	}
	return nil
}

func readAnswer(in *bufio.Reader) (*http.Response, error) {
	for range mostHints {
		answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodGet})
		if err != nil {
			return nil, notHTTP(err)
		}
		if answer.StatusCode < 100 || answer.StatusCode > 199 || answer.StatusCode == http.StatusSwitchingProtocols {
			return answer, nil
		}
		answer.Body.Close() // has none
	}
	return nil, errNoHTTP
}

// notHTTP tells what the connection did from what the target said.
func notHTTP(err error) error {
	var network net.Error
	if err = refined(err); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) {
		return err
	}
	var w why
	if errors.As(err, &w) {
		return err
	}
	return errNoHTTP
}

// validPath tells whether a path can stand in a request line without ending it.
func validPath(path string) bool {
	return strings.HasPrefix(path, "/") && strings.IndexFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}
