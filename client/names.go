package client

import (
	"net/url"
	"strings"
)

// servicePath gives the path under /registry/<section>/ for the names. A name that
// would address another route than the one meant is refused here.
func servicePath(section string, names ...string) (string, error) {
	var b strings.Builder
	b.WriteString("/registry/" + section)
	for i, name := range names {
		field := []string{"serviceName", "instanceId"}[i]
		switch name {
		case "":
			return "", invalid(field, "is required")
		case ".", "..":
			return "", invalid(field, "cannot be "+name)
		}
		b.WriteString("/" + url.PathEscape(name))
	}
	return b.String(), nil
}
