package server

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMatrix asks every route as everyone, of every instance, with every token: under a
// policy, under another one over the same connections, and, of those whose certificate has
// ended meanwhile, over connections that are open. Each answer is held against the model, and
// so is what became of the registry.
func TestMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	everyRouteHasARow(t, w)
	m := &matrix{world: w, told: map[string]string{}}
	// The same identity as the first target's owner, by certificates that end.
	revoked := w.n.as(w.f, w.f.issue(ownersOther("former")), 2)
	ends := time.Now().Add(20 * time.Second).Truncate(time.Second)
	expiring := w.n.as(w.f, w.f.sign(until(ends)), 1)
	m.open = []*caller{revoked, expiring}
	for _, c := range m.open {
		c.text(200, "/registry/services")
	}
	for i, p := range phases {
		if i > 0 {
			w.reload(p)
		}
		m.phase, m.model = p.name, model{p.rights}
		m.good()
		m.batches()
		m.methods()
	}
	m.withoutHandshake()

	w.revoke("former")
	m.phase = "revoked while connected"
	m.ended(revoked)
	m.phase = "expired while connected"
	eventually(t, "the certificate has expired", func() bool { return time.Now().After(ends) })
	m.ended(expiring)
	t.Logf("%d cells, of %d rows", m.cells, len(matrixRows))
	if m.cells < 5000 {
		t.Errorf("only %d cells", m.cells)
	}
}

// everyRouteHasARow keeps the table of the matrix and the table of routes together.
func everyRouteHasARow(t *testing.T, w *world) {
	t.Helper()
	rows, routes := map[string]bool{}, map[string]bool{}
	for _, r := range matrixRows {
		rows[r.route] = true
	}
	for _, r := range w.n.srv.api.Routes() {
		route := r.Method + " " + r.Path
		if routes[route] = true; !rows[route] {
			t.Errorf("%s (%s) has no row in matrixRows: add one to matrix_rows_test.go, with a request that the handler takes and what docs/security.md says of who may make it", route, r.Action)
		}
	}
	for route := range rows {
		if !routes[route] {
			t.Errorf("matrixRows has a row for %s, and there is no such route", route)
		}
	}
}

// matrix goes through the cells.
type matrix struct {
	*world
	phase string
	model model
	cells int
	last  image
	open  []*caller         // whose connections are kept open
	told  map[string]string // what was answered, by who asked what of which target
}

// answer is what a call was answered with.
type answer struct {
	status int
	code   string
	header http.Header
	body   string
}

// good goes through the cells of those with good certificates.
func (m *matrix) good() {
	m.t.Helper()
	m.last = m.n.image()
	for i := range matrixRows {
		r := &matrixRows[i]
		for _, c := range m.open {
			if _, _, err := c.try("GET", "/health", "", nil); err != nil {
				m.t.Fatalf("a connection that was open: %v", err)
			}
		}
		for _, token := range r.tokens() {
			for _, x := range r.targets(m.world) {
				text, has := m.token(x, token)
				if !has {
					continue
				}
				for _, who := range goodCallers {
					m.cell(r, &cell{who, x, token}, text)
					text, _ = m.token(x, token) // it may have been planted anew
				}
			}
			m.alike(r, token)
		}
	}
}

func (r *row) tokens() []tokenKind {
	switch {
	case r.tokened:
		return []tokenKind{noToken, malformed, madeUp, current, dead, former, anothers}
	case r.targeted:
		return []tokenKind{noToken, current} // which opens nothing here
	}
	return []tokenKind{noToken}
}

func (r *row) targets(w *world) []*target {
	if r.targeted {
		return w.targets
	}
	return w.targets[:1]
}

// cell makes one call and compares everything that comes of it.
func (m *matrix) cell(r *row, c *cell, token string) {
	m.t.Helper()
	m.cells++
	want := r.want(m.model, c)
	got := m.ask(m.callers[c.who], r, c, token)
	at := strings.Join([]string{m.phase, r.name(), "as " + c.who, "of " + c.target.name, "token " + string(c.token)}, ", ")
	if got.status != want.status || got.code != want.code {
		m.t.Errorf("%s: answered %d %s, want %d %s: %s", at, got.status, got.code, want.status, want.code, short(got.body))
	}
	m.effect(at, want.effect)
	if got.status == 200 {
		if r.marks != nil {
			same(m.t, at, found(markPattern, got.body), r.marks(m.model, m.world, c))
		}
		if r.names != nil {
			same(m.t, at, found(namePattern, got.body), r.names(m.model, m.world, c))
		}
	}
	m.leaks(at, r, c, got)
	m.told[r.name()+" "+c.who+" "+string(c.token)+" "+c.target.name] = neutral(c.target, got)
	m.head(at, r, c, token, got)
	if want.effect == writes {
		m.plant(c.target)
		m.last = m.n.image()
	}
}

// effect compares the registry with what it was before the call.
func (m *matrix) effect(at string, want effect) {
	m.t.Helper()
	before, after := m.last, m.n.image()
	m.last = after
	moved, renewed := after.records != before.records, after.renewed-before.renewed
	switch {
	case want == writes && !moved:
		m.t.Errorf("%s: nothing was written", at)
	case want != writes && moved:
		m.t.Errorf("%s: the registry was changed, from\n%s\nto\n%s", at, before.records, after.records)
	case want == renews && renewed != 1, want == nothing && renewed != 0:
		m.t.Errorf("%s: %d leases were renewed", at, renewed)
	}
}

// leaks looks for what the caller may not see, anywhere in the answer.
func (m *matrix) leaks(at string, r *row, c *cell, got answer) {
	m.t.Helper()
	text := got.body
	for name, values := range got.header {
		text += "\n" + name + ": " + strings.Join(values, ", ")
	}
	for _, x := range m.targets {
		for kind, token := range x.tokens {
			if strings.Contains(text, token) {
				m.t.Errorf("%s: the %s token of %s is in the answer", at, kind, x.name)
			}
		}
		own := x == c.target && x.owner == c.who
		if own || m.model.rights[c.who].may("discover", x.service) || r.reveals && m.model.rights[c.who].admin {
			continue
		}
		secrets := []string{x.mark(), x.address()}
		if x.owner != "" && x.owner != c.who && !m.model.meets(c.who, x.owner) {
			secrets = append(secrets, spiffe(x.owner))
		}
		if x != c.target && x.service != c.target.service {
			secrets = append(secrets, `"`+x.id+`"`, `"`+x.service+`"`)
		}
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				m.t.Errorf("%s: the answer tells of %s: %s", at, secret, short(text))
			}
		}
	}
}

// alike: who may do nothing with a service is told the same of what is there and of what is
// not, to the letter.
func (m *matrix) alike(r *row, token tokenKind) {
	m.t.Helper()
	for _, who := range goodCallers {
		rights := m.model.rights[who]
		if !r.targeted || rights.admin || rights.may("register", "vault") || rights.may("discover", "vault") {
			continue
		}
		key := r.name() + " " + who + " " + string(token) + " "
		hidden, ok := m.told[key+"hidden"]
		if !ok {
			continue
		}
		for _, other := range []string{"absent-there", "nowhere"} {
			if told, ok := m.told[key+other]; ok && told != hidden {
				m.t.Errorf("%s, %s as %s: what is hidden is told\n%s\nand what is %s\n%s", m.phase, r.name(), who, hidden, other, told)
			}
		}
	}
}

// positions are told to everyone: they count the changes of the whole registry.
var positions = regexp.MustCompile(`"revision":"[^"]*"`)

// neutral is an answer without the names that the call itself gave.
func neutral(x *target, a answer) string {
	text := positions.ReplaceAllString(a.body, "")
	for _, name := range []string{"Content-Type", "Etag", "Allow", "Retry-After", "Www-Authenticate", "Cache-Control", "Location", "Connection"} {
		text += "\n" + name + ": " + strings.Join(a.header[name], ", ")
	}
	return strings.NewReplacer(x.service, "SERVICE", x.id, "ID").Replace(text)
}

// head: HEAD is GET without the body, and so tells no more.
func (m *matrix) head(at string, r *row, c *cell, token string, got answer) {
	m.t.Helper()
	if !strings.HasPrefix(r.route, "GET ") || r.stream {
		return
	}
	m.cells++
	resp, data, err := m.callers[c.who].try("HEAD", r.url(c), token, nil)
	if err != nil || resp.StatusCode != got.status || len(data) > 0 {
		m.t.Errorf("%s: HEAD is answered %v with %d bytes, %v; GET was %d", at, resp, len(data), err, got.status)
	}
}

func (r *row) url(c *cell) string {
	if r.path != nil {
		return r.path(c)
	}
	_, path, _ := strings.Cut(r.route, " ")
	return path
}
