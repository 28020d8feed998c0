package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Action is what a caller wants to do with a service.
type Action string

// The actions. None includes another: who may administer may not for that register.
const (
	Register Action = "register" // register instances, and act on them as their holder
	Discover Action = "discover" // see the service: resolve, list, watch, events
	Admin    Action = "admin"    // act on instances of others, and on the registry itself
)

// Rule allows something to the identities that its pattern covers. Patterns are those
// of [Glob]. There is no rule that forbids.
type Rule struct {
	Identity string   // a pattern; "spiffe://example.org/orders*"
	Register []string // patterns of the services it may register
	Discover []string // patterns of the services it may discover
	Admin    bool
	// CheckNetworks are the networks in which instances of the services that it may register are
	// checked, as CIDRs; empty means any that may be checked at all.
	CheckNetworks []string
}

// Policy says who may do what. The zero Policy lets every authenticated caller register
// and discover everything, and nobody administer.
type Policy struct {
	// Services is the catalogue of services that may be registered at all, by anyone;
	// empty means any.
	Services []string
	// Rules allow. With none, every identity may register and discover; with one, what
	// no rule allows is denied.
	Rules []Rule
}

// Authorizer is a compiled [Policy]. It never changes and may be used from many
// goroutines. The zero Authorizer is that of the zero Policy.
type Authorizer struct {
	services []Glob
	rules    []rule
}

type rule struct {
	identity           Glob
	register, discover []Glob
	admin              bool
	networks           []netip.Prefix // nil: any
	text               string         // of an allowance, made once: deciding allocates nothing
}

// Compile checks the policy and makes it ready for use. Its error names every problem
// of the whole policy at once, each with its key in the configuration.
func (p Policy) Compile() (*Authorizer, error) {
	var problems []error
	a := &Authorizer{
		services: parseServices("auth.services", p.Services, &problems),
		rules:    make([]rule, len(p.Rules)),
	}
	for i, r := range p.Rules {
		key := fmt.Sprintf("auth.policies[%d]", i)
		identity, err := ParseGlob(r.Identity)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s.identity %q: %w", key, r.Identity, err))
		}
		if len(r.Register) == 0 && len(r.Discover) == 0 && !r.Admin {
			problems = append(problems, fmt.Errorf("%s: allows nothing: give register, discover or admin", key))
		}
		if len(r.CheckNetworks) > 0 && len(r.Register) == 0 {
			problems = append(problems, fmt.Errorf("%s.check_cidrs: limits the checks of what the rule lets register, which is nothing", key))
		}
		a.rules[i] = rule{
			identity: identity,
			register: parseServices(key+".register", r.Register, &problems),
			discover: parseServices(key+".discover", r.Discover, &problems),
			admin:    r.Admin,
			networks: parseNetworks(key+".check_cidrs", r.CheckNetworks, &problems),
			text:     fmt.Sprintf("%s allows it to %q", key, r.Identity),
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return a, nil
}

// parseServices refuses a pattern that no service name can match: an operator who writes
// "orders[12]" or "team/*" means something that these patterns do not say.
func parseServices(key string, patterns []string, problems *[]error) []Glob {
	globs := make([]Glob, 0, len(patterns))
	for i, pattern := range patterns {
		g, err := ParseGlob(pattern)
		if err == nil {
			if bad := strings.IndexFunc(pattern, notInServicePattern); bad >= 0 {
				err = fmt.Errorf("character %q, which no service name has", []rune(pattern[bad:])[0])
			}
		}
		if err != nil {
			*problems = append(*problems, fmt.Errorf("%s[%d] %q: %w", key, i, pattern, err))
			continue
		}
		globs = append(globs, g)
	}
	return globs
}

func notInServicePattern(r rune) bool {
	return r > 0x7F || !alphanumeric(byte(r)) && !strings.ContainsRune("._-*?", r)
}

// NoRule is the rule of a decision that no rule made.
const NoRule = -1

// Decision is the answer to "may this caller do that", with its ground.
type Decision struct {
	Allowed bool
	Rule    int    // index of the first rule that allows it, else NoRule
	Text    string // one line for an operator: the ground of the decision
}

// Authorize decides whether identity may do action on service. The identity is one that
// [IdentityOf] gave, and the service is a parsed name; it may be empty for an
// [Admin] action on the registry as a whole. An empty identity may do nothing. It
// allocates nothing.
func (a *Authorizer) Authorize(identity string, action Action, service string) Decision {
	switch {
	case identity == "":
		return deny("the caller is not authenticated")
	case action != Register && action != Discover && action != Admin:
		return deny("there is no such action")
	case action == Register && len(a.services) > 0 && !anyMatch(a.services, service):
		return deny("auth.services does not list the service")
	}
	if len(a.rules) == 0 {
		if action == Admin {
			return deny("there are no auth.policies, and nobody is an administrator without one")
		}
		return Decision{Allowed: true, Rule: NoRule, Text: "there are no auth.policies, and every authenticated caller may"}
	}
	for i := range a.rules {
		if r := &a.rules[i]; r.allows(action, service) && r.identity.Match(identity) {
			return Decision{Allowed: true, Rule: i, Text: r.text}
		}
	}
	return deny("none of auth.policies allows it")
}

func deny(text string) Decision { return Decision{Rule: NoRule, Text: text} }

func (r *rule) allows(action Action, service string) bool {
	switch action {
	case Register:
		return anyMatch(r.register, service)
	case Discover:
		return anyMatch(r.discover, service)
	}
	return r.admin
}

func anyMatch(globs []Glob, s string) bool {
	for _, g := range globs {
		if g.Match(s) {
			return true
		}
	}
	return false
}
