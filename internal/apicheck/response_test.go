package apicheck

import (
	"net/http"
	"strings"
	"testing"
)

func TestResponses(t *testing.T) {
	service := `{"revision":"a.1","serviceName":"auth","instances":[` + good + `]}`
	etag := []string{"ETag", `W/"a.1"`}
	for _, c := range []struct {
		name   string
		target string
		answer http.HandlerFunc
		want   string // part of the error; empty: there is none
	}{
		{"as described", "/registry/services/auth/a-1", answer(200, asJSON, good), ""},
		{"a list", "/registry/services/auth", answer(200, asJSON, service, etag...), ""},
		{"a problem", "/registry/services/auth/a-1", answer(404, "application/problem+json", closed), ""},
		{"not modified", "/registry/services/auth", answer(304, "", "", etag...), ""},
		{"text", "/metrics", answer(200, "text/plain; version=0.0.4", "up 1\n", "Registry-Revision", ""), ""},
		{"one of two shapes", "/health", answer(200, asJSON, `{"ok":true,"pid":1}`), ""},
		{"the other shape", "/health", answer(200, asJSON, `{"status":"ok"}`), ""},
		{"stale", "/registry/services/auth/a-1", answer(200, asJSON, good, "Registry-Stale", "true", "Registry-Age", "12"), ""},

		{"unknown field", "/registry/services/auth/a-1",
			answer(200, asJSON, strings.Replace(good, `"port"`, `"extra":1,"port"`, 1)), "/extra: is not in the description"},
		{"unknown field within", "/registry/services/auth",
			answer(200, asJSON, strings.Replace(service, `"port"`, `"extra":1,"port"`, 1), etag...), "200: /instances/0/extra: is not in the description"},
		{"unknown field of a problem", "/registry/services/auth/a-1",
			answer(404, "application/problem+json", strings.Replace(closed, `"code"`, `"extra":1,"code"`, 1)), "/extra: is not in the description"},
		{"unknown field of one of two shapes", "/health", answer(200, asJSON, `{"status":"ok","extra":1}`), "/extra: is not in the description"},
		{"missing field", "/registry/services/auth/a-1",
			answer(200, asJSON, strings.Replace(good, `"port":3001,`, ``, 1)), "/: missing property 'port'"},
		{"wrong type", "/registry/services/auth/a-1",
			answer(200, asJSON, strings.Replace(good, `3001`, `"3001"`, 1)), "/port: "},
		{"null for a list", "/registry/services/auth",
			answer(200, asJSON, `{"revision":"a.1","serviceName":"auth","instances":null}`, etag...), "/instances: "},
		{"out of bounds", "/registry/services/auth/a-1",
			answer(200, asJSON, strings.Replace(good, `3001`, `65536`, 1)), "/port: "},
		{"out of the enumeration", "/registry/services/auth/a-1",
			answer(200, asJSON, strings.Replace(good, `"up"`, `"fine"`, 1)), "/status: "},
		{"a code that is not the status's", "/registry/services/auth/a-1",
			answer(404, "application/problem+json", strings.Replace(closed, "not_found", "conflict", 1)), "/code: "},
		{"not JSON", "/registry/services/auth/a-1", answer(200, asJSON, good[1:]), "JSON"},
		{"two values", "/registry/services/auth/a-1", answer(200, asJSON, good+good), "more after the JSON value"},
		{"a key twice", "/registry/services/auth/a-1",
			answer(200, asJSON, strings.Replace(good, `"port"`, `"port":1,"port"`, 1)), "duplicate"},
		{"invalid UTF-8", "/registry/services/auth/a-1",
			answer(200, asJSON, strings.Replace(good, `10.0.4.17`, "\xff", 1)), "UTF-8"},
		{"empty body", "/registry/services/auth/a-1", answer(200, asJSON, ""), "not JSON"},
		{"undocumented status", "/registry/services/auth/a-1", answer(202, asJSON, good), "response 202 is not in the description"},
		{"wrong content type", "/registry/services/auth/a-1", answer(200, "text/html", good), `content type "text/html"`},
		{"no content type", "/registry/services/auth/a-1", answer(200, "", good), "content type"},
		{"problem as JSON", "/registry/services/auth/a-1", answer(404, asJSON, closed), "content type"},
		{"body where none belongs", "/registry/services/auth", answer(304, "", "x", etag...), "the description has no body"},
		{"missing header", "/registry/services/auth/a-1", answer(200, asJSON, good, "Registry-Revision", ""), "header Registry-Revision is missing"},
		{"missing ETag", "/registry/services/auth", answer(304, "", ""), "header Etag is missing"},
		{"bad header", "/registry/services/auth/a-1", answer(200, asJSON, good, "Registry-Revision", "42"), "header Registry-Revision:"},
		{"strong ETag", "/registry/services/auth", answer(304, "", "", "ETag", `"a.1"`), "header Etag:"},
		{"header of the wrong type", "/registry/services/auth/a-1", answer(200, asJSON, good, "Registry-Age", "soon"), "header Registry-Age:"},
		{"undocumented header", "/registry/services/auth/a-1", answer(200, asJSON, good, "Registry-Mood", "good"), "header Registry-Mood is not in the description"},
		{"no Retry-After", "/registry/services/auth/a-1",
			answer(503, "application/problem+json", `{"type":"about:blank","title":"x","status":503,"code":"unavailable"}`), "header Retry-After is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wants(t, send(t, request("GET", c.target, ""), c.answer), c.want)
		})
	}
}
