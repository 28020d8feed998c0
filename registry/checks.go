package registry

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/roster-sd/roster/store"
)

// CheckPolicy says which checks an instance may ask for. The zero CheckPolicy takes all that
// are within the bounds.
type CheckPolicy struct {
	Off         bool          // no node does checks: whoever asks for one is refused
	MinInterval time.Duration // 0: DefaultMinInterval
	// Judge tells why an address may not be checked, where networks limit which may be unless
	// they are nil; nil: nothing is judged before it is dialled.
	Judge func(addr netip.Addr, networks []netip.Prefix) error
}

// What a check is where its registration does not say, and the bounds of what it may say.
const (
	DefaultInterval    = 10 * time.Second
	DefaultTimeout     = 2 * time.Second
	DefaultFailures    = 3
	DefaultSuccesses   = 2
	DefaultMinInterval = time.Second

	MaxCheckInterval = time.Hour
	MinCheckTimeout  = 100 * time.Millisecond
	MaxCheckTimeout  = time.Minute
	maxInARow        = 10
	maxCheckPath     = 512
)

const (
	ruleCheckType = "must be tcp, http or grpc"
	ruleInARow    = "must be an integer from 1 to 10"
)

// Reserved is the service name that stands for the registry's own nodes: nobody registers it.
const Reserved = "roster"

const ruleReserved = `"roster" stands for the registry itself: choose another name`

// check tells what is wrong with a check. It is complete: what was left out has its default.
func (c *checker) check(ck *store.Check, p *CheckPolicy) {
	if ck == nil {
		return
	}
	if p.Off {
		c.add("check", "cannot be had: this registry does no checks")
		return
	}
	switch ck.Type {
	case store.CheckTCP:
		c.ok(ck.Path == "", "check.path", "means nothing with the type tcp: leave it out")
	case store.CheckHTTP:
		c.ok(validCheckPath(ck.Path), "check.path",
			fmt.Sprintf("must be the path of a URL, which begins with one slash, of at most %d bytes, with a query where one is needed", maxCheckPath))
	case store.CheckGRPC:
		c.ok(validGRPCService(ck.Path), "check.path", "must be the full name of a gRPC service, or be left out to ask for the server as a whole")
	default:
		c.add("check.type", ruleCheckType)
	}
	least := p.MinInterval
	if least <= 0 {
		least = DefaultMinInterval
	}
	c.between("check.interval", ck.Interval, least, MaxCheckInterval)
	c.between("check.timeout", ck.Timeout, MinCheckTimeout, MaxCheckTimeout)
	if ck.Timeout > ck.Interval && ck.Timeout <= MaxCheckTimeout && ck.Interval >= least {
		c.add("check.timeout", fmt.Sprintf("must be at most the interval, %d", ck.Interval.Milliseconds()))
	}
	c.ok(1 <= ck.Failures && ck.Failures <= maxInARow, "check.failures", ruleInARow)
	c.ok(1 <= ck.Successes && ck.Successes <= maxInARow, "check.successes", ruleInARow)
}

func (c *checker) between(field string, d, low, high time.Duration) {
	c.ok(low <= d && d <= high && d%time.Millisecond == 0, field,
		fmt.Sprintf("must be an integer of milliseconds from %d to %d", low.Milliseconds(), high.Milliseconds()))
}

// validCheckPath tells whether s is a path with an optional query as a request line has it:
// nothing in it can end the line, name another host, or be a fragment.
func validCheckPath(s string) bool {
	if s == "" || len(s) > maxCheckPath || s[0] != '/' || strings.HasPrefix(s, "//") {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isAlnum(c) || strings.IndexByte("/-._~!$&'()*+,;=:@?", c) >= 0:
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
		default:
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

// validGRPCService tells whether s is the full name of a gRPC service, or nothing.
func validGRPCService(s string) bool {
	if len(s) > maxText {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && strings.IndexByte("._-/", c) < 0 {
			return false
		}
	}
	return true
}

// SetCheckDefaults completes a check with what its registration left out: what is zero.
func SetCheckDefaults(ck *store.Check) {
	if ck.Type == store.CheckHTTP && ck.Path == "" {
		ck.Path = "/"
	}
	if ck.Interval == 0 {
		ck.Interval = DefaultInterval
	}
	if ck.Timeout == 0 {
		ck.Timeout = min(DefaultTimeout, max(ck.Interval, MinCheckTimeout)) // what is wrong with the interval is told of that
	}
	if ck.Failures == 0 {
		ck.Failures = DefaultFailures
	}
	if ck.Successes == 0 {
		ck.Successes = DefaultSuccesses
	}
}

// ChecksOverTLS tells whether the checks of an instance speak TLS, as its protocol does.
func ChecksOverTLS(in *store.Instance) bool {
	if in.Check == nil {
		return false
	}
	switch strings.ToLower(in.Protocol) {
	case "https":
		return in.Check.Type != store.CheckTCP
	case "grpcs":
		return in.Check.Type == store.CheckGRPC
	}
	return false
}

// mayCheck refuses a check of an address that no node would dial for this caller. A name is
// not looked up: what it stands for may change, and is judged each time it is dialled.
func (r *Registry) mayCheck(c Caller, service string, in *store.Instance) error {
	if in.Check == nil || r.opts.Checks.Judge == nil {
		return nil
	}
	addr, err := netip.ParseAddr(in.Address)
	if err != nil {
		return nil
	}
	networks, limited := r.Policy().CheckNetworks(c.Identity, service)
	if !limited {
		networks = nil
	}
	if err := r.opts.Checks.Judge(addr, networks); err != nil {
		return invalid([]FieldError{{Field: "address", Message: "cannot be checked: " + err.Error()}})
	}
	return nil
}

// begin sets what is said of an instance when it registers. With a check it is failing until it
// first passes; but whoever registers again what passes already, in the same place and
// under the same check, keeps that: a client that lost an answer, or was restarted by nobody but
// itself, must not be out of every resolve for a round of checks. Its checks go on, with the
// failures that it has had, and so it is found out as any other.
func begin(in *store.Record, current *store.Record) {
	switch {
	case in.Instance.Check == nil:
		in.Instance.Health, in.Instance.Verdict = store.HealthPassing, nil
	case keepsHealth(in, current):
		in.Instance.Health, in.Instance.Verdict = store.HealthPassing, current.Instance.Verdict
	default:
		in.Instance.Health, in.Instance.Verdict = store.HealthFailing, &store.Verdict{Why: store.NotChecked}
	}
}

// keepsHealth tells whether an instance is registered again as what it is. One that is suspect
// passed its checks: it is its lease that is in doubt, and the registration ends that.
func keepsHealth(in, current *store.Record) bool {
	if current == nil || current.Owner != in.Owner || current.Instance.Health == store.HealthFailing {
		return false
	}
	a, b := &in.Instance, &current.Instance
	return !b.Unchecked() && b.Verdict != nil && b.Verdict.Why == "" && store.SameCheck(a.Check, b.Check) &&
		a.Address == b.Address && a.Port == b.Port && a.Protocol == b.Protocol
}
