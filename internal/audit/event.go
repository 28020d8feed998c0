package audit

import (
	"log/slog"
	"time"
)

// Kind is what happened. The words stand in audit logs: add to them, do not rename.
type Kind string

// The kinds.
const (
	Register    Kind = "register"     // an instance was registered, anew or by its owner again
	Takeover    Kind = "takeover"     // a live instance of another identity was replaced
	Rotate      Kind = "rotate"       // an instance was given a new token
	Deregister  Kind = "deregister"   // an instance was removed by its holder
	Forced      Kind = "forced"       // an administrator changed or removed an instance
	OverrideSet Kind = "override_set" // an administrator put a word over an instance
	OverrideEnd Kind = "override_lifted"
	Unreachable Kind = "unreachable" // an instance failed its check and was removed, as it had asked for
	AdminRead   Kind = "admin_read"  // an administrator read what others may not

	Denied             Kind = "denied"           // no rule allows it
	TakeoverRefused    Kind = "takeover_refused" // the ID is that of another's live instance
	KeptOut            Kind = "kept_out"         // an administrator keeps the ID out
	TokenRefused       Kind = "token_refused"
	RateLimited        Kind = "rate_limited"
	HandshakeRefused   Kind = "handshake_refused"   // by TLS, before any request
	CertificateRefused Kind = "certificate_refused" // no longer good, on a connection that is open
	OriginRefused      Kind = "origin_refused"      // a Host or an origin that is not ours

	PolicyReloaded Kind = "policy_reloaded"
	PolicyFailed   Kind = "policy_failed" // the one before stays in force
	TLSReloaded    Kind = "tls_reloaded"
	TLSFailed      Kind = "tls_failed" // what was read before stays in force
	Start          Kind = "start"
	Stop           Kind = "stop"

	Suppressed Kind = "suppressed" // more denials of an identity than are written; Count has how many
	Lost       Kind = "lost"       // events that could not be written; Count has how many
)

// Why a token is refused.
const (
	NoneSent      = "none was sent"
	Malformed     = "malformed"
	OutOfTime     = "expired"
	DeadOrForeign = "dead, or never of this instance"
	OtherIdentity = "the instance is another identity's"
)

// Outcome is the decision of an event, empty where nothing was asked.
type Outcome string

// The outcomes.
const (
	Allow Outcome = "allowed"
	Deny  Outcome = "denied"
)

// Rule is the ground of a decision of the policy.
type Rule struct {
	Text  string // one line; empty: the policy was not asked
	Index int    // in auth.policies, from 0; below 0 where no single rule decides
}

// Event is one decision. It holds no token, no digest and nothing of an instance's metadata:
// there is no field for them.
type Event struct {
	Time     time.Time // zero: that of the call that takes the event
	Kind     Kind
	Outcome  Outcome
	Identity string // of the caller; empty where it was not known
	From     string // network address of the caller, without port
	Request  string // ID of the request, which its answer carries too; empty: it was none
	Action   string // register, discover or admin
	Service  string
	Instance string
	Rule     Rule
	Why      string // one line: the reason where it is no rule, or what was done
	Note     string // what the caller gave as its reason
	Count    uint64 // with Suppressed and Lost
}

// attrs gives the fields that the event has, in the order in which they are written.
func (e *Event) attrs(node string) []slog.Attr {
	list := make([]slog.Attr, 0, 13)
	text := func(name, value string) {
		if value != "" {
			list = append(list, slog.String(name, value))
		}
	}
	text("outcome", string(e.Outcome))
	text("node", node)
	text("identity", e.Identity)
	text("from", e.From)
	text("request", e.Request)
	text("action", e.Action)
	text("service", e.Service)
	text("instance", e.Instance)
	if e.Rule.Text != "" {
		if e.Rule.Index >= 0 {
			list = append(list, slog.Int("rule_index", e.Rule.Index))
		}
		text("rule", e.Rule.Text)
	}
	text("why", e.Why)
	text("note", e.Note)
	if e.Count > 0 {
		list = append(list, slog.Uint64("count", e.Count))
	}
	return list
}

// The greatest lengths of what strangers can put into an event, in bytes.
const (
	maxWhy      = 256
	maxIdentity = 2048
)

// bounded gives the event with its time, and without what is longer than makes sense.
func (e Event) bounded(now time.Time) Event {
	if e.Time.IsZero() {
		e.Time = now
	}
	e.Why, e.Identity, e.From = cut(e.Why, maxWhy), cut(e.Identity, maxIdentity), cut(e.From, maxWhy)
	return e
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
