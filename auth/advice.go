package auth

import "fmt"

// Advice tells what would have to change for a decision of [Authorizer.Authorize] to be the
// other one: for a denial, changes of which each would allow it, but for a service outside the
// catalogue, which must be listed first; for an allowance by rules, every rule that allows it,
// since all of them would have to go. Each is a line for an operator.
func (a *Authorizer) Advice(identity string, action Action, service string) []string {
	d := a.Authorize(identity, action, service)
	switch {
	case identity == "":
		return []string{"present a certificate with one identity that auth.identity accepts"}
	case d.Allowed && d.Rule == NoRule:
		return []string{"add a rule to auth.policies: with one present, what no rule allows is denied"}
	case d.Allowed:
		return a.grounds(identity, action, service)
	}
	var lines []string
	if action == Register && len(a.services) > 0 && !anyMatch(a.services, service) {
		lines = append(lines, fmt.Sprintf("first, list %q in auth.services", service))
		if len(a.rules) == 0 || a.ruled(identity, action, service) {
			return lines
		}
	}
	for i := range a.rules {
		if a.rules[i].identity.Match(identity) {
			lines = append(lines, fmt.Sprintf("%s in auth.policies[%d], which is for %q", grant(action, service), i, a.rules[i].identity))
		}
	}
	line := fmt.Sprintf("add a rule for %q to auth.policies: %s", identity, grant(action, service))
	if len(a.rules) == 0 {
		line += "; it is the first, and what no rule allows is denied then"
	}
	return append(lines, line)
}

// grounds names every rule that allows it.
func (a *Authorizer) grounds(identity string, action Action, service string) []string {
	var lines []string
	for i := range a.rules {
		if r := &a.rules[i]; r.allows(action, service) && r.identity.Match(identity) {
			lines = append(lines, fmt.Sprintf("to deny it, auth.policies[%d] would have to go or be narrower", i))
		}
	}
	return lines
}

// ruled tells whether a rule allows it, whatever the catalogue says.
func (a *Authorizer) ruled(identity string, action Action, service string) bool {
	for i := range a.rules {
		if r := &a.rules[i]; r.allows(action, service) && r.identity.Match(identity) {
			return true
		}
	}
	return false
}

// grant says what a rule needs in order to allow it.
func grant(action Action, service string) string {
	if action == Admin {
		return "set admin: true"
	}
	return fmt.Sprintf("let %s hold %q", action, service)
}

// Pattern gives the identity pattern of a rule by its index, as [Decision.Rule] gives it.
func (a *Authorizer) Pattern(rule int) string { return a.rules[rule].identity.String() }
