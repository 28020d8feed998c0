package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// ask makes the call of a cell. One that is told to come back later, for it was told no too
// often, does.
func (m *matrix) ask(caller *caller, r *row, c *cell, token string) (a answer) {
	m.t.Helper()
	eventually(m.t, r.name()+" is not limited any more", func() bool {
		resp, data := m.send(caller, r, c, token)
		a = answer{status: resp.StatusCode, header: resp.Header, body: string(data)}
		if a.status == http.StatusOK && r.batch {
			var out wire.HeartbeatResults
			if err := json.Unmarshal(data, &out); err != nil || len(out.Results) != 1 {
				m.t.Fatalf("%s: %v: %s", r.name(), err, data)
			}
			a.status, a.code = out.Results[0].Status, out.Results[0].Code
		} else if a.status >= 400 {
			var p wire.Problem
			if err := json.Unmarshal(data, &p); err != nil {
				m.t.Fatalf("%s: %v: %s", r.name(), err, data)
			}
			a.code = p.Code
		}
		return a.status != http.StatusTooManyRequests
	})
	return a
}

func (m *matrix) send(caller *caller, r *row, c *cell, token string) (*http.Response, []byte) {
	m.t.Helper()
	method, _, _ := strings.Cut(r.route, " ")
	if r.stream {
		return m.peek(caller, r.url(c), token)
	}
	var body any
	if r.body != nil {
		body = r.body(c, m.cells, token)
	}
	if r.batch {
		token = "" // it stands in the item
	}
	resp, data, err := caller.try(method, r.url(c), token, body)
	if err != nil {
		m.t.Fatalf("%s as %s: %v", r.name(), c.who, err)
	}
	return resp, data
}

// peek reads a stream to the end of its snapshot.
func (m *matrix) peek(caller *caller, path, token string) (*http.Response, []byte) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", caller.base+path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set(wire.HeaderToken, token)
	}
	resp, err := caller.http.Do(req)
	if err != nil {
		m.t.Fatalf("GET %s: %v", path, err)
	}
	defer resp.Body.Close()
	var data []byte
	buf := make([]byte, 4096)
	for err == nil && !strings.Contains(string(data), `"last":true`) {
		var n int
		n, err = resp.Body.Read(buf)
		data = append(data, buf[:n]...)
	}
	if err != nil && err != io.EOF || err == io.EOF && resp.StatusCode == http.StatusOK {
		m.t.Fatalf("GET %s: %v after %s", path, err, data)
	}
	return resp, data
}

var (
	markPattern = regexp.MustCompile(`mark\.[a-z]+\.[a-z-]+`)
	namePattern = regexp.MustCompile(`"serviceName":"[^"]*"`)
)

// found gives what of a pattern is in a text, each once.
func found(pattern *regexp.Regexp, text string) []string {
	list := pattern.FindAllString(text, -1)
	for i, s := range list {
		list[i] = strings.TrimSuffix(strings.TrimPrefix(s, `"serviceName":"`), `"`)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func same(t *testing.T, at string, got, want []string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("%s: the answer holds %q, want %q", at, got, want)
	}
}

func short(text string) string {
	if len(text) > 500 {
		return text[:500] + "…"
	}
	return text
}
