package tlsreload

import "time"

// The stages of something that ends.
const (
	fine = iota
	soon // the last quarter of its life, at most a week
	over
)

func stage(from, until, now time.Time) int {
	switch left := until.Sub(now); {
	case left < 0:
		return over
	case left < min(until.Sub(from)/4, 7*24*time.Hour):
		return soon
	}
	return fine
}

// remind logs once what is about to end, and once that it has: a list that runs out
// refuses every client, and whoever is to make a new one should hear of it before they do.
func (m *Material) remind(now time.Time) {
	s := m.current.Load()
	switch m.advance("certificate", stage(s.leaf.NotBefore, s.leaf.NotAfter, now)) {
	case soon:
		m.log().Warn("the server's certificate ends soon", "file", m.files.CertFile, "expires", s.leaf.NotAfter)
	case over:
		m.log().Error("the server's certificate has expired, and clients refuse it", "file", m.files.CertFile, "expired", s.leaf.NotAfter)
	}
	for issuer, list := range s.lists {
		switch m.advance(issuer, stage(list.thisUpdate, list.nextUpdate, now)) {
		case soon:
			m.log().Warn("the revocation list runs out soon", "file", m.files.CRLFile, "next_update", list.nextUpdate)
		case over:
			m.log().Error("the revocation list has run out, and all clients of its authority are refused", "file", m.files.CRLFile, "next_update", list.nextUpdate)
		}
	}
}

// advance gives the stage that what has come to, or fine if that was told before.
func (m *Material) advance(what string, now int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now <= m.said[what] {
		return fine
	}
	if m.said == nil {
		m.said = map[string]int{}
	}
	m.said[what] = now
	return now
}
