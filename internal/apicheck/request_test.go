package apicheck

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRequests(t *testing.T) {
	token := []string{"X-Instance-Token", "secret"}
	renewed := answer(200, asJSON, `{"ttl":30000,"tokenExpiresAt":0}`)
	registered := answer(201, asJSON, `{"instance":`+good+`,"token":"secret","tokenExpiresAt":0,"ttl":30000}`, "Location", "/x")
	chosen := answer(200, asJSON, good)
	gone := answer(204, "", "")
	listed := answer(200, asJSON, `{"revision":"a.1","serviceName":"auth","instances":[]}`, "ETag", `W/"a.1"`)
	ready := answer(200, asJSON, `{"status":"ok"}`)
	const ref = `{"serviceName":"auth","instanceId":"a-1"}`
	for _, c := range []struct {
		name    string
		request *http.Request
		answer  http.HandlerFunc
		want    string
	}{
		{"with the token", request("POST", "/registry/heartbeat", ref, token...), renewed, ""},
		{"with a bearer token", request("POST", "/registry/heartbeat", ref, "Authorization", "bearer secret"), renewed, ""},
		{"with a charset", request("POST", "/registry/heartbeat", ref, append(token, "Content-Type", "application/json; charset=utf-8")...), renewed, ""},
		{"without a token that may be absent", request("POST", "/registry/register", `{"serviceName":"auth","port":1}`), registered, ""},
		{"another name of the address", request("POST", "/registry/register", `{"serviceName":"auth","port":1,"ip":"::1"}`), registered, ""},
		{"escaped path", request("DELETE", "/registry/services/auth/127.0.0.1%3A3001?reason=scale%20down", "", token...), gone, ""},
		{"all parameters", request("GET", "/registry/services/auth?tag=a&tag=b&meta.team=x&meta.y=z&limit=5&after=a-1&wait=1m30s&consistent=true&status=up", "",
			"If-None-Match", `W/"a.1"`), listed, ""},
		{"a parameter without a value", request("GET", "/ready?strict", ""), ready, ""},

		{"no token", request("POST", "/registry/heartbeat", ref), renewed, "no credentials"},
		{"another scheme", request("POST", "/registry/heartbeat", ref, "Authorization", "Basic secret"), renewed, "no credentials"},
		{"unknown field", request("POST", "/registry/register", `{"serviceName":"auth","port":1,"pots":2}`), registered, "'pots' not allowed"},
		{"wrong type", request("POST", "/registry/register", `{"serviceName":"auth","port":"1"}`), registered, "/port"},
		{"missing field", request("POST", "/registry/register", `{"serviceName":"auth"}`), registered, "missing property 'port'"},
		{"a key twice", request("POST", "/registry/register", `{"serviceName":"auth","port":1,"port":2}`), registered, "duplicate"},
		{"no body", request("POST", "/registry/register", ""), registered, "content type"},
		{"wrong content type", request("POST", "/registry/heartbeat", ref, append(token, "Content-Type", "text/plain")...), renewed, `content type "text/plain"`},
		{"body where none belongs", request("GET", "/registry/resolve/auth", `{}`), chosen, "the description has no body"},
		{"bad path parameter", request("GET", "/registry/resolve/-auth", ""), chosen, "path parameter serviceName"},
		{"unknown parameter", request("GET", "/registry/services/auth?zoen=x", ""), listed, "'zoen' not allowed"},
		{"unknown parameter of an operation without filters", request("GET", "/ready?strickt", ""), ready, "query parameter strickt is not in the description"},
		{"parameter given twice", request("GET", "/registry/services/auth?zone=x&zone=y", ""), listed, "query parameter zone: given 2 times"},
		{"filter given twice", request("GET", "/registry/services/auth?meta.a=x&meta.a=y", ""), listed, "query parameter meta.a: given 2 times"},
		{"parameter of the wrong type", request("GET", "/registry/services/auth?limit=many", ""), listed, "query parameter limit"},
		{"parameter out of bounds", request("GET", "/registry/services/auth?limit=0", ""), listed, "query parameter limit"},
		{"parameter out of the enumeration", request("GET", "/registry/resolve/auth?strategy=best", ""), chosen, "query parameter strategy"},
		{"bad duration", request("GET", "/registry/services/auth?wait=30", ""), listed, "query parameter wait"},
		{"bad header", request("GET", "/registry/services/auth", "", "If-None-Match", ""), listed, "header parameter If-None-Match"},
		{"broken query", request("GET", "/registry/services/auth?zone=%zz", ""), listed, "query:"},
		{"unknown path", request("GET", "/registry/nowhere", ""), answer(200, asJSON, "{}"), "no such operation"},
		{"unknown method", request("PUT", "/registry/services/auth", ""), answer(200, asJSON, "{}"), "no such operation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wants(t, send(t, c.request, c.answer), c.want)
		})
	}
}

func TestRequestArrivesAsItWasSent(t *testing.T) {
	const body = `{"serviceName":"auth","port":1}`
	sent := request("POST", "/registry/register", body)
	var got string
	errs := send(t, sent, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = string(b)
		answer(201, asJSON, `{"instance":`+good+`,"token":"secret","tokenExpiresAt":0,"ttl":30000}`, "Location", "/x")(w, r)
	})
	wants(t, errs, "")
	if got != body {
		t.Errorf("the handler got %q", got)
	}
}

func TestBadRequests(t *testing.T) {
	const invalid = `{"type":"about:blank","title":"Bad Request","status":400,"code":"invalid_request","errors":[{"field":"port","message":"must be a number"}]}`
	const method = `{"type":"about:blank","title":"Method Not Allowed","status":405,"code":"method_not_allowed"}`
	const problem = "application/problem+json"
	for _, c := range []struct {
		name         string
		method, path string
		answer       http.HandlerFunc
		want         string
	}{
		{"refused", "POST", "/registry/register", answer(400, problem, invalid), ""},
		{"unknown path", "GET", "/registry/nowhere", answer(404, problem, closed), ""},
		{"unknown method", "PUT", "/registry/services/auth", answer(405, problem, method, "Allow", "GET"), ""},
		{"in the shape of loopback", "POST", "/register", answer(400, asJSON, `{"ok":false,"error":"port must be a number"}`, "Registry-Revision", ""), ""},

		{"accepted", "POST", "/registry/register", answer(201, asJSON, `{"instance":`+good+`,"token":"x","tokenExpiresAt":0,"ttl":1}`, "Location", "/x"), "response 201 to a bad request"},
		{"a fault", "POST", "/registry/register",
			answer(500, problem, `{"type":"about:blank","title":"x","status":500,"code":"internal"}`), "response 500 to a bad request"},
		{"undocumented", "POST", "/registry/register", answer(418, problem, invalid), "response 418 is not in the description"},
		{"no problem", "POST", "/registry/register", answer(400, "text/plain", "no"), `content type "text/plain"`},
		{"a problem of another status", "POST", "/registry/register", answer(400, problem, closed), "/status"},
		{"unknown path, wrong status", "GET", "/registry/nowhere", answer(400, problem, invalid), "response 400, where the path"},
		{"unknown path, no problem", "GET", "/registry/nowhere", answer(404, "text/plain", "404 page not found"), `content type "text/plain"`},
		{"unknown method, no Allow", "PUT", "/registry/services/auth", answer(405, problem, method), "header Allow is missing"},
		{"loopback as a problem", "POST", "/register", answer(400, problem, invalid), "content type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.method, c.path, `{"port":`)
			errs := send(t, r.WithContext(Bad(r.Context())), func(w http.ResponseWriter, r *http.Request) {
				if b, _ := io.ReadAll(r.Body); string(b) != `{"port":` {
					t.Errorf("the body arrived as %q", b)
				}
				c.answer(w, r)
			})
			wants(t, errs, c.want)
		})
	}
}

func TestUncheckedRequests(t *testing.T) {
	results := `{"results":[{"status":400,"code":"invalid_request"}]}`
	unchecked := func() *http.Request {
		r := request("POST", "/registry/heartbeats?x=1", `{"items":[{"token":7}]}`)
		return r.WithContext(Unchecked(r.Context()))
	}
	wants(t, send(t, unchecked(), answer(200, asJSON, results)), "")
	wants(t, send(t, unchecked(), answer(200, asJSON, `{}`)), "missing property 'results'")
	wants(t, send(t, unchecked(), answer(299, asJSON, results)), "response 299 is not in the description")
}

func TestErrorsNameRequestAndBody(t *testing.T) {
	errs := send(t, request("GET", "/registry/resolve/auth?zone=x", ""), answer(200, asJSON, `{"port":1}`))
	if len(errs) != 1 || !strings.HasPrefix(errs[0], "apicheck: GET /registry/resolve/auth?zone=x: response 200: ") ||
		!strings.HasSuffix(errs[0], "\n"+`{"port":1}`) {
		t.Errorf("got %q", errs)
	}
}
