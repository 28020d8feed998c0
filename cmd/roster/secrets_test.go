package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestTokensStaySecret uses tokens in every way they can be used and misused, at debug
// level, and looks for them in the answers. That they are in no log is looked for when
// all tests of the package are over.
func TestTokensStaySecret(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p, url := w.dev("--log-format", format)
			one, two := mint(t, url, "one"), mint(t, url, "two")
			ref := `{"serviceName":"secret","instanceId":"one"}`
			var rotated struct{ Token string }
			if status, body := send(t, "POST", url+"/registry/token/rotate", one, ref); status != 200 || json.Unmarshal([]byte(body), &rotated) != nil {
				t.Fatal(status, body)
			}
			seen.token(t.Name(), rotated.Token)

			for _, c := range []struct {
				status            int
				method, path      string
				header, text, why string
			}{
				{200, "POST", "/registry/heartbeat", rotated.Token, ref, "a good one"},
				{401, "POST", "/registry/heartbeat", one, ref, "a superseded one"},
				{401, "POST", "/registry/heartbeat", two, ref, "another instance's"},
				{401, "POST", "/registry/heartbeat", one + "x", ref, "too long"},
				{401, "POST", "/registry/heartbeat", one[1:], ref, "too short"},
				{401, "POST", "/registry/heartbeat", "Bearer " + one, ref, "with a scheme where none belongs"},
				{401, "POST", "/registry/token/rotate", one, ref, "a superseded one to rotate"},
				{401, "PATCH", "/registry/services/secret/one", two, `{"weight":7}`, "another instance's to change"},
				{401, "DELETE", "/registry/services/secret/one", two, "", "another instance's to remove"},
				{400, "POST", "/registry/heartbeat", "", `{"serviceName":"secret","instanceId":"one","token":"` + one + `"}`, "in the body"},
				{400, "POST", "/registry/heartbeat", one, `{"serviceName":"secret","instanceId":`, "with broken JSON"},
				{400, "POST", "/registry/heartbeat", "", `{"` + one + `":1}`, "as a name"},
				{200, "POST", "/registry/heartbeats", "", `{"items":[{"serviceName":"secret","instanceId":"one","token":1},"` + one + `"]}`, "in a broken batch"},
				{200, "POST", "/registry/heartbeats", "", `{"items":[{"serviceName":"secret","instanceId":"one","token":"` + two + `"},{"serviceName":"a b","instanceId":"one","token":"` + two + `"}]}`, "in a batch"},
				{400, "GET", "/registry/services?token=" + one, "", "", "in the query"},
				{404, "GET", "/" + one, "", "", "as a path"},
				{400, "POST", "/registry/register", one, `{"serviceName":"secret","instanceId":"one","port":"` + one + `"}`, "as a port"},
				{400, "POST", "/register", one, `{"name":"secret","port":"` + one + `"}`, "on the loopback surface"},
				{200, "GET", "/registry/events", "", "", "the events"},
				{200, "GET", "/registry/services/secret", "", "", "a listing"},
				{200, "GET", "/list", "", "", "the loopback surface's list"},
				{200, "GET", "/metrics", "", "", "the metrics"},
				{200, "DELETE", "/registry/services/secret/two", two, "", "to remove"},
				{410, "POST", "/registry/heartbeat", two, `{"serviceName":"secret","instanceId":"two"}`, "after the end"},
			} {
				status, body := send(t, c.method, url+c.path, c.header, c.text)
				if c.method == "DELETE" && status == 204 {
					status = 200
				}
				if status != c.status {
					t.Errorf("%s: %s %s: %d, want %d: %s", c.why, c.method, c.path, status, c.status, body)
				}
				if c.why == "as a name" {
					continue // the name of a field that is not known is told
				}
				for _, token := range []string{one, two, rotated.Token} {
					if strings.Contains(body, token) {
						t.Errorf("%s: %s %s: the answer holds a token: %s", c.why, c.method, c.path, body)
					}
				}
			}
			p.signal(syscall.SIGTERM)
			p.wait()
			if log := p.err.String(); !strings.Contains(log, "token refused") || !strings.Contains(log, "token rotated") {
				t.Errorf("the log does not tell of tokens at all:\n%s", log)
			}
		})
	}
}

func mint(t *testing.T, url, id string) string {
	t.Helper()
	status, body := send(t, "POST", url+"/registry/register", "", fmt.Sprintf(`{"serviceName":"secret","instanceId":%q,"port":1}`, id))
	var got struct{ Token string }
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusCreated || got.Token == "" {
		t.Fatalf("register: %d, %s, %v", status, body, err)
	}
	return seen.token(t.Name(), got.Token)
}

func send(t *testing.T, method, url, token, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("X-Instance-Token", token)
	}
	resp, err := single.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
