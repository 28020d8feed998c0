package registry

import (
	"context"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/audit"
)

// PolicyQuestion asks what an identity may do. Service may be empty with the action admin.
type PolicyQuestion struct{ Identity, Action, Service string }

// PolicyAnswer is a decision as [Decide] gives it.
type PolicyAnswer struct {
	auth.Decision
	Pattern string   // the identity pattern of the rule that allows it; empty where none does
	Change  []string // what would have to change for the other decision
}

// maxIdentity bounds an identity that is asked about, like a URI in a certificate.
const maxIdentity = 2048

// Administer authorises a call on the registry as a whole. It is asked before anything of the
// call is read, so that who may not administer learns nothing of what is there.
func (r *Registry) Administer(ctx context.Context, c Caller) error {
	return r.authorise(ctx, c, auth.Admin, "")
}

// CheckPolicy tells an administrator what would be decided of somebody else, and why. It is
// the decision itself, by the function that every call goes through, and is neither counted nor
// logged as a denial.
func (r *Registry) CheckPolicy(ctx context.Context, c Caller, q PolicyQuestion) (PolicyAnswer, error) {
	if err := r.Administer(ctx, c); err != nil {
		return PolicyAnswer{}, err
	}
	r.allowed(c, audit.AdminRead, auth.Admin, q.Service, "", because("what the policy decides of "+q.Identity))
	return Decide(r.Policy(), q)
}

// Decide answers a question by a policy. Its error names what is wrong with the question.
func Decide(a *auth.Authorizer, q PolicyQuestion) (PolicyAnswer, error) {
	if err := invalid(q.Check()); err != nil {
		return PolicyAnswer{}, err
	}
	action := auth.Action(q.Action)
	out := PolicyAnswer{Decision: a.Authorize(q.Identity, action, q.Service), Change: a.Advice(q.Identity, action, q.Service)}
	if out.Rule != auth.NoRule {
		out.Pattern = a.Pattern(out.Rule)
	}
	return out, nil
}

// Check tells every rule that the question breaks.
func (q PolicyQuestion) Check() []FieldError {
	var c checker
	c.ok(q.Identity != "" && len(q.Identity) <= maxIdentity, "identity", "must be 1 to 2048 bytes")
	switch auth.Action(q.Action) {
	case auth.Register, auth.Discover:
		c.ok(ValidService(q.Service), "serviceName", ruleService)
	case auth.Admin:
		c.ok(q.Service == "" || ValidService(q.Service), "serviceName", ruleService)
	default:
		c.add("action", "must be register, discover or admin")
	}
	return c.errs
}

// Dump gives an administrator every instance that this node shows, of one moment, and the
// position of that moment. It takes no lock for longer than a subscription does.
func (r *Registry) Dump(ctx context.Context, c Caller) ([]catalog.View, catalog.Position, error) {
	if err := r.Administer(ctx, c); err != nil {
		return nil, catalog.Position{}, err
	}
	if err := r.settled(ctx); err != nil {
		return nil, catalog.Position{}, err
	}
	r.allowed(c, audit.AdminRead, auth.Admin, "", "", because("dump"))
	sub, views := r.catalog.Subscribe(nil)
	defer sub.Close()
	return views, sub.Start(), nil
}
