package server

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/internal/pki"
	"github.com/roster-sd/roster/wire"
)

// ownersOther asks for another certificate of the identity that owns the first target.
func ownersOther(file string) pki.Request {
	return pki.Request{Name: file, SPIFFE: spiffe("owner"), File: file}
}

// until makes a certificate of the same identity that ends at a moment.
func until(end time.Time) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		uris(spiffe("owner"))(c)
		c.NotAfter = end
	}
}

// withoutHandshake are the cells of those who do not get as far as a request, though they
// send the owner's token and, but for the first two, a certificate that says owner.
func (m *matrix) withoutHandshake() {
	m.t.Helper()
	m.phase = "refused in the handshake"
	revoked := m.f.issue(ownersOther("thief"))
	m.revoke("thief")
	stranger := newFolder(m.t)
	for name, cert := range map[string]*tls.Certificate{
		"nobody":          nil,
		"wrong authority": stranger.issue(pki.Request{Name: "owner"}),
		"expired":         m.f.sign(until(time.Now().Add(-time.Minute))),
		"revoked":         revoked,
		"two URIs":        m.f.sign(uris(spiffe("owner"), spiffe("chief"))),
		"CN only":         m.f.sign(commonName("owner")),
	} {
		m.last = m.n.image()
		for i := range matrixRows {
			r := &matrixRows[i]
			for _, x := range []*target{m.targets[0], m.targets[6]} {
				token := x.tokens[current]
				c := &cell{"owner", x, current}
				var body any
				if r.body != nil {
					body = r.body(c, m.cells, token)
				}
				method, _, _ := strings.Cut(r.route, " ")
				resp, data, err := m.n.as(m.f, cert, 1+m.cells%2).try(method, r.url(c), token, body)
				if err == nil {
					m.t.Errorf("%s, %s is answered %s: %s", name, r.name(), resp.Status, data)
				}
				if m.cells++; !r.targeted {
					break
				}
			}
		}
		m.effect("those with "+name, nothing)
	}
}

// ended are the cells of a caller whose certificate is not good any more, over a connection
// that is open: it is answered nothing any more.
func (m *matrix) ended(caller *caller) {
	m.t.Helper()
	m.last = m.n.image()
	for i := range matrixRows {
		r := &matrixRows[i]
		for _, x := range r.targets(m.world) {
			for _, token := range []tokenKind{noToken, current} {
				text, ok := m.token(x, token)
				if !ok {
					continue
				}
				m.cells++
				want, c := unauthenticated, &cell{"owner", x, token}
				single := *r
				single.batch = false // the call as a whole is refused
				got := m.ask(caller, &single, c, text)
				if got.status != want.status || got.code != want.code {
					m.t.Errorf("%s, %s of %s: answered %d %s, want %d %s: %s", m.phase, r.name(), x.name, got.status, got.code, want.status, want.code, short(got.body))
				}
				m.effect(m.phase+", "+r.name(), nothing)
				if strings.Contains(got.body, "mark.") {
					m.t.Errorf("%s, %s: the answer tells of instances: %s", m.phase, r.name(), short(got.body))
				}
			}
		}
	}
}

// batches: one batch of everything is answered item by item as if each had come alone.
func (m *matrix) batches() {
	m.t.Helper()
	var r *row
	for i := range matrixRows {
		if matrixRows[i].batch {
			r = &matrixRows[i]
		}
	}
	for _, who := range goodCallers {
		var batch wire.Heartbeats
		var cells []*cell
		var renewed uint64
		for _, token := range r.tokens() {
			for _, x := range m.targets {
				if text, ok := m.token(x, token); ok {
					batch.Items = append(batch.Items, wire.HeartbeatItem{ServiceName: x.service, InstanceID: x.id, Token: text})
					cells = append(cells, &cell{who, x, token})
				}
			}
		}
		var out wire.HeartbeatResults
		eventually(m.t, "no item is limited any more", func() bool {
			out, m.last, renewed = wire.HeartbeatResults{}, m.n.image(), 0
			m.callers[who].call(http.StatusOK, "POST", "/registry/heartbeats", "", batch, &out)
			return !slices.ContainsFunc(out.Results, func(r wire.HeartbeatResult) bool { return r.Status == http.StatusTooManyRequests })
		})
		if len(out.Results) != len(cells) {
			m.t.Fatalf("%s: %d results for %d items", who, len(out.Results), len(cells))
		}
		for i, c := range cells {
			m.cells++
			want, got := r.want(m.model, c), out.Results[i]
			if got.Status != want.status || got.Code != want.code {
				m.t.Errorf("%s, item of %s with the token %s, as %s: %d %s, want %d %s", m.phase, c.target.name, c.token, who, got.Status, got.Code, want.status, want.code)
			}
			if want.effect == renews {
				renewed++
			}
			if want.status != http.StatusOK && (got.TTL != 0 || got.TokenExpiresAt != 0) {
				m.t.Errorf("%s, item of %s, as %s: it is refused, and tells of %+v", m.phase, c.target.name, who, got)
			}
		}
		after := m.n.image()
		if after.records != m.last.records || after.renewed-m.last.renewed != renewed {
			m.t.Errorf("%s, a batch as %s: %d leases were renewed, want %d", m.phase, who, after.renewed-m.last.renewed, renewed)
		}
	}
}

// methods: a path is answered by the methods that it has, and what it has is told to everyone
// alike, whatever there is.
func (m *matrix) methods() {
	m.t.Helper()
	has := map[string][]string{}
	for _, r := range m.n.srv.api.Routes() {
		has[r.Path] = append(has[r.Path], r.Method)
		if r.Head() {
			has[r.Path] = append(has[r.Path], http.MethodHead)
		}
	}
	m.last = m.n.image()
	for path, methods := range has {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
			if slices.Contains(methods, method) {
				continue
			}
			for _, x := range []*target{m.targets[0], m.targets[6], m.targets[8]} {
				url := strings.NewReplacer(":serviceName", x.service, ":instanceId", x.id).Replace(path)
				for _, who := range goodCallers {
					m.cells++
					resp, data, err := m.callers[who].try(method, url, x.tokens[current], nil)
					if err != nil {
						m.t.Fatalf("%s %s: %v", method, url, err)
					}
					allowed := strings.Split(resp.Header.Get("Allow"), ", ")
					slices.Sort(allowed)
					slices.Sort(methods)
					if resp.StatusCode != http.StatusMethodNotAllowed || !slices.Equal(allowed, methods) {
						m.t.Errorf("%s %s as %s: %s, Allow %q, want 405 and %q: %s", method, url, who, resp.Status, allowed, methods, data)
					}
				}
				if url == path {
					break
				}
			}
		}
	}
	m.effect("methods that there are not", nothing)
}
