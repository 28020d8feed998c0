package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/wire"
)

// call is one call of the API.
type call struct {
	op     string // names the call in errors
	method string
	path   string // escaped
	query  url.Values
	token  string
	body   any // sent as JSON if not nil
	// repeat: the call may be sent again when it is not known what became of it.
	repeat    bool
	freshness *Freshness
	// header, if not nil, is given the header of the answer.
	header func(http.Header)
	// timeout bounds each attempt at one address; 0: the client's.
	timeout time.Duration
}

// do calls the registry and decodes the answer into out, if that is not nil.
func (c *Client) do(ctx context.Context, q call, out any) error {
	var body []byte
	if q.body != nil {
		var err error
		if body, err = json.Marshal(q.body); err != nil {
			return fmt.Errorf("%s: encode: %w", q.op, err)
		}
	}
	err := c.failover(ctx, q.repeat, func(base string) (bool, error) {
		return c.attempt(ctx, base, q, body, out)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", q.op, err)
	}
	return nil
}

// failover tries the addresses in turn, each once, beginning with the one that answered
// last. try tells whether its request may have reached the registry.
func (c *Client) failover(ctx context.Context, repeat bool, try func(base string) (sent bool, err error)) error {
	if c.local != nil {
		return c.local.call(ctx, repeat, try)
	}
	var failed []error
	first := int(c.preferred.Load())
	for i := range c.bases {
		n := (first + i) % len(c.bases)
		sent, err := try(c.bases[n])
		if err == nil {
			c.preferred.Store(uint32(n))
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, ErrUnavailable) {
			return err
		}
		failed = append(failed, maybe(err, sent))
		if sent && !repeat {
			break
		}
	}
	return worst(failed)
}

// worst makes one error of those of several addresses. One that a registry answered
// says more than those of the network.
func worst(failed []error) error {
	if len(failed) == 1 {
		return failed[0]
	}
	var details []string
	var sent bool
	for _, err := range failed {
		var e *Error
		if errors.As(err, &e) {
			if sent = sent || e.sent; e.Status != 0 {
				return maybe(err, sent)
			}
			details = append(details, e.Detail)
		}
	}
	return &Error{Code: wire.CodeUnavailable, Detail: strings.Join(details, "; "), Cause: errors.Join(failed...), sent: sent}
}

// maybe notes that the request may have reached the registry.
func maybe(err error, sent bool) error {
	var e *Error
	if sent && errors.As(err, &e) {
		e.sent = true
	}
	return err
}

// attempt sends the call to one address.
func (c *Client) attempt(ctx context.Context, base string, q call, body []byte, out any) (sent bool, err error) {
	within := c.timeout
	if q.timeout > 0 {
		within = q.timeout
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var got atomic.Bool // the transport may still be writing when Do has returned
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got.Store(true) }})

	req, err := c.request(ctx, base, q, body)
	if err != nil {
		return false, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return got.Load(), c.networkError(ctx, base, within, err)
	}
	defer resp.Body.Close()
	data, err := c.read(resp.Body)
	switch {
	case errors.Is(err, errTooLarge):
		return true, err
	case err != nil:
		return true, c.networkError(ctx, base, within, err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return true, answerError(base, resp, data, time.Now())
	}
	if c.local != nil && strings.HasPrefix(q.path, "/registry/") && resp.Header.Get(wire.HeaderRevision) == "" {
		// A port of a registry that is gone may be anybody's by now, and some programs
		// answer 200 to all that they are asked. That must not pass for a renewal.
		return true, strangerError(base, resp.StatusCode)
	}
	q.freshness.fill(resp.Header)
	if q.header != nil {
		q.header(resp.Header)
	}
	if out == nil {
		return true, nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return true, fmt.Errorf("%s answers %d, but not in the form of a Roster registry: %w", base, resp.StatusCode, err)
	}
	return true, nil
}

func (c *Client) request(ctx context.Context, base string, q call, body []byte) (*http.Request, error) {
	target := base + q.path
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	var payload io.Reader
	if body != nil {
		payload = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, target, payload)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", "application/json, "+wire.ContentTypeProblem)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.token != "" {
		req.Header.Set(wire.HeaderToken, q.token)
	}
	return req, nil
}

var errTooLarge = errors.New("the answer is too large")

func (c *Client) read(body io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, c.maxBody+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > c.maxBody {
		return nil, fmt.Errorf("%w: over %d bytes; ask for pages, or raise MaxBody", errTooLarge, c.maxBody)
	}
	return data, nil
}

// networkError gives a failure to get an answer the form of an unavailable registry.
func (c *Client) networkError(ctx context.Context, base string, within time.Duration, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the URL would repeat the address and may hold a filter
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		// Our own limit, not the caller's: the cause would look like the caller's.
		err = errors.New("nothing within " + within.String())
	}
	if why := c.alert(ctx, base, err); why != nil {
		err = why
	}
	detail := "no answer from " + base + ": " + err.Error()
	return &Error{Code: wire.CodeUnavailable, Detail: detail, Cause: err}
}
