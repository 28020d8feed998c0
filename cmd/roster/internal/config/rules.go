package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// ruleKeys are the keys of a rule under auth.policies.
var ruleKeys = []string{"identity", "register", "discover", "admin", "check_cidrs"}

// rules reads auth.policies.
func (r *reader) rules(name string, n *yaml.Node) []PolicyRule {
	rules := []PolicyRule{}
	if n.Kind != yaml.SequenceNode {
		r.add(n.Line, name, "want %s, not %s", KindRules.want(), kindOf(n))
		return rules
	}
	for i, item := range n.Content {
		rules = append(rules, r.rule(fmt.Sprintf("%s[%d]", name, i), resolve(item)))
	}
	return rules
}

func (r *reader) rule(name string, n *yaml.Node) PolicyRule {
	rule := PolicyRule{Register: []string{}, Discover: []string{}}
	if n.Kind != yaml.MappingNode {
		r.add(n.Line, name, "want a rule with identity, register, discover and admin, not %s", kindOf(n))
		return rule
	}
	r.entries(n, name, func(key string, at, value *yaml.Node) {
		full := name + "." + key
		kind := KindText
		switch key {
		case "register":
			rule.Register = r.list(full, value)
			return
		case "discover":
			rule.Discover = r.list(full, value)
			return
		case "check_cidrs":
			rule.CheckCIDRs = r.list(full, value)
			return
		case "admin":
			kind = KindBool
		case "identity":
		default:
			r.add(at.Line, "", "unknown key %q; the nearest known one is %q", full, name+"."+nearest(key, ruleKeys))
			return
		}
		v, err := parseScalar(kind, value)
		if err != nil {
			r.add(value.Line, full, "%v, not %s", err, kindOf(value))
			return
		}
		switch v := v.(type) {
		case string:
			rule.Identity = v
		case bool:
			rule.Admin = v
		}
	})
	return rule
}
