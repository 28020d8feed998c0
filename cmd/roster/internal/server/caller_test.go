package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// caller is a client with connections of its own.
type caller struct {
	t    *testing.T
	http *http.Client
	base string
}

// as gives a caller with that certificate. Over HTTP/1.1 it keeps one connection alive.
func (n *node) as(f *folder, cert *tls.Certificate, version int) *caller {
	transport := &http.Transport{TLSClientConfig: f.trust(cert), ForceAttemptHTTP2: version == 2, MaxConnsPerHost: 1}
	if version == 1 {
		transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	return n.caller(transport, "https://"+n.srv.Addr())
}

// plain gives a caller without TLS.
func (n *node) plain(address string) *caller { return n.caller(&http.Transport{}, "http://"+address) }

func (n *node) caller(transport *http.Transport, base string) *caller {
	n.t.Cleanup(transport.CloseIdleConnections)
	return &caller{t: n.t, http: &http.Client{Transport: transport, Timeout: patient}, base: base}
}

// try sends a request, with a JSON body unless that is nil.
func (c *caller) try(method, path, token string, body any) (*http.Response, []byte, error) {
	c.t.Helper()
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		payload = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, c.base+path, payload)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set(wire.HeaderToken, token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, data, err
}

// call sends a request that must be answered with the status, and decodes the answer into
// out unless that is nil.
func (c *caller) call(want int, method, path, token string, body, out any) *http.Response {
	c.t.Helper()
	resp, data, err := c.try(method, path, token, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode != want {
		c.t.Fatalf("%s %s: %s, want %d: %s", method, path, resp.Status, want, data)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			c.t.Fatalf("%s %s: %v: %s", method, path, err, data)
		}
	}
	return resp
}

// register registers an instance; want is the status.
func (c *caller) register(want int, service, id, token string) wire.Registered {
	c.t.Helper()
	var got wire.Registered
	c.call(want, "POST", "/registry/register", token, wire.Registration{ServiceName: service, InstanceID: id, Port: 1}, &got)
	if got.Token != "" {
		handedOut.Store(got.Token, true)
	}
	return got
}

func (c *caller) heartbeat(want int, service, id, token string) {
	c.t.Helper()
	c.call(want, "POST", "/registry/heartbeat", token, wire.InstanceRef{ServiceName: service, InstanceID: id}, nil)
}

// text gets a page.
func (c *caller) text(want int, path string) string {
	c.t.Helper()
	resp, data, err := c.try("GET", path, "", nil)
	if err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	if resp.StatusCode != want {
		c.t.Fatalf("%s: %s, want %d: %s", path, resp.Status, want, data)
	}
	return string(data)
}

// watch opens a stream and gathers what comes, until it ends.
type watch struct {
	text  transcript
	ended chan struct{}
	proto string
}

func (c *caller) watch(query string) *watch {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", c.base+"/registry/watch"+query, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	unhurried := *c.http
	unhurried.Timeout = 0
	resp, err := unhurried.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		cancel()
		c.t.Fatalf("watch: %v, %v", resp, err)
	}
	w := &watch{ended: make(chan struct{}), proto: resp.Proto}
	go func() {
		defer close(w.ended)
		defer resp.Body.Close()
		_, _ = io.Copy(&w.text, resp.Body) // however it ends, it has ended
	}()
	c.t.Cleanup(func() { cancel(); <-w.ended })
	eventually(c.t, "the snapshot", func() bool { return strings.Contains(w.text.String(), `"last":true`) })
	return w
}

func (w *watch) open() bool {
	select {
	case <-w.ended:
		return false
	default:
		return true
	}
}
