package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// yamlLines writes a value as it stands in a file: what follows the key, and for rules
// further lines.
func yamlLines(v any) []string {
	rules, ok := v.([]PolicyRule)
	if !ok {
		return []string{yamlValue(v)}
	}
	if len(rules) == 0 {
		return []string{"[]"}
	}
	lines := []string{""}
	for _, r := range rules {
		networks := ""
		if len(r.CheckCIDRs) > 0 {
			networks = ", check_cidrs: " + yamlValue(r.CheckCIDRs)
		}
		lines = append(lines, fmt.Sprintf("- {identity: %s, register: %s, discover: %s, admin: %v%s}",
			yamlText(r.Identity), yamlValue(r.Register), yamlValue(r.Discover), r.Admin, networks))
	}
	return lines
}

func yamlValue(v any) string {
	switch v := v.(type) {
	case string:
		return yamlText(v)
	case []string:
		items := make([]string, len(v))
		for i := range v {
			items[i] = yamlText(v[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return format(v)
}

// yamlPlain is text that needs no quotes anywhere in YAML.
var yamlPlain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./-]*$`)

// yamlText writes text, in quotes unless it is plain. Words that some reader of YAML
// takes for something else count as not plain.
func yamlText(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return strconv.Quote(s)
	}
	if yamlPlain.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}
