package apicheck

import (
	"net/http"
	"net/url"
	"strings"
)

// route is where a request goes by the description.
type route struct {
	op         *operation        // nil: the description has no such operation
	path       bool              // the path is described, though perhaps not with this method
	loopback   bool              // the path begins like one of the loopback surface
	parameters map[string]string // those of the path, unescaped
}

func (d *document) route(r *http.Request) route {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	var best route
	loopback := len(segments) > 1 && d.loopback[segments[1]]
	literals := -1 // a path that fits with more literal segments wins over {parameters}
	for _, op := range d.operations {
		parameters, n := match(op.segments, segments)
		if n < 0 || n < literals {
			continue
		}
		if n > literals {
			best, literals = route{}, n
		}
		best.path = true
		if op.takes(r.Method) {
			best.op, best.parameters = op, parameters
		}
	}
	best.loopback = loopback
	return best
}

// takes tells whether the operation takes a method: its own, or HEAD where it is a GET
// whose answer ends and that is not of the loopback surface alone.
func (op *operation) takes(method string) bool {
	return method == op.method ||
		method == http.MethodHead && op.method == http.MethodGet && !op.local && !op.streams()
}

func (op *operation) streams() bool {
	for _, r := range op.responses {
		for _, media := range r.content {
			if media.events != nil {
				return true
			}
		}
	}
	return false
}

// match gives the values of the parameters and how many segments are equal; -1: no match.
func match(template, segments []string) (map[string]string, int) {
	if len(template) != len(segments) {
		return nil, -1
	}
	parameters := make(map[string]string)
	literals := 0
	for i, want := range template {
		got, err := url.PathUnescape(segments[i])
		if err != nil {
			return nil, -1
		}
		switch {
		case strings.HasPrefix(want, "{") && got != "":
			parameters[strings.Trim(want, "{}")] = got
		case want == got:
			literals++
		default:
			return nil, -1
		}
	}
	return parameters, literals
}
