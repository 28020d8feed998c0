package local_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Every row of the surface, with its exact shape.
func TestShapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := start(t, setup{})
		now := time.Now().UnixMilli()
		full := fmt.Sprintf(`{"id":"a-1","name":"auth","host":"10.0.0.1","port":3001,"pid":12345,"meta":{"routes":["/login"]},"lastSeen":%d}`, now)
		least := fmt.Sprintf(`{"id":"a-2","name":"auth","host":"127.0.0.1","port":3002,"pid":null,"meta":{},"lastSeen":%d}`, now)
		listed := strings.NewReplacer(`"name":"auth",`, ``)

		d.do("GET", "/list", "").is(`{"ok":true,"services":{}}`)
		d.do("POST", "/register", `{"name":"auth","port":3001,"host":"10.0.0.1","pid":12345,"id":"a-1","meta":{"routes":["/login"]}}`).is(`{"ok":true,"instance":` + full + `}`)
		d.do("POST", "/register", `{"name":"auth","port":3002,"id":"a-2"}`).is(`{"ok":true,"instance":` + least + `}`)
		d.do("POST", "/heartbeat", `{"name":"auth","id":"a-1"}`).is(`{"ok":true,"instance":` + full + `}`)
		d.do("GET", "/list", "").is(`{"ok":true,"services":{"auth":[` + listed.Replace(full) + `,` + listed.Replace(least) + `]}}`)
		for _, body := range []string{`{"name":"auth","id":"never"}`, `{"name":"never","id":"a-1"}`} {
			d.do("POST", "/heartbeat", body).is(`{"ok":true,"instance":null}`)
		}
		d.do("POST", "/unregister", `{"name":"auth","id":"a-2"}`).is(`{"ok":true}`)
		d.do("POST", "/unregister", `{"name":"auth","id":"a-2"}`).is(`{"ok":false}`)
		d.do("POST", "/heartbeat", `{"name":"auth","id":"a-2"}`).is(`{"ok":true,"instance":null}`)
		d.do("GET", "/resolve/auth", "").is(`{"ok":true,"instance":` + full + `}`)
		if res := d.do("GET", "/resolve/never", "").want(404); res.body != `{"ok":false,"error":"not_found"}` {
			t.Error(res.body)
		}
		d.do("GET", "/health", "").is(fmt.Sprintf(`{"ok":true,"pid":%d}`, os.Getpid()))
		if res := d.do("GET", "/list", ""); res.header.Get("Content-Type") != "application/json; charset=utf-8" || res.header.Get("Cache-Control") != "no-store" {
			t.Error(res.header)
		}
	})
}

// An ID made here is that of the address, or a readable one where that does not fit.
func TestMadeIDs(t *testing.T) {
	d := start(t, setup{})
	long := strings.Repeat("a.", 60) + "local"
	for body, want := range map[string]string{
		`{"name":"auth","port":3001}`:                         `127\.0\.0\.1:3001:\d{6}`,
		`{"name":"auth","port":3001,"id":"","host":""}`:       `127\.0\.0\.1:3001:\d{6}`,
		`{"name":"auth","port":3001,"id":null,"host":null}`:   `127\.0\.0\.1:3001:\d{6}`,
		`{"name":"auth","port":65535,"host":"my-host.local"}`: `my-host\.local:65535:\d{6}`,
		`{"name":"auth","port":3001,"host":"::1"}`:            `::1:3001:\d{6}`,
		`{"name":"auth","port":3001,"host":"2001:DB8::1"}`:    `2001:DB8::1:3001:\d{6}`,
		`{"name":"auth","port":3001,"host":"` + long + `"}`:   `auth-[2-9a-z]{8}`,
	} {
		if in := d.do("POST", "/register", body, unchecked).instance(); !regexp.MustCompile("^" + want + "$").MatchString(in.ID) {
			t.Errorf("%s: made %s, want %s", body, in.ID, want)
		}
	}
	if a, b := d.register(`{"name":"auth","port":1}`), d.register(`{"name":"auth","port":1}`); a.ID == b.ID {
		t.Errorf("both are %s", a.ID)
	}
	in := d.register(`{"name":"six","port":3001,"host":"::1"}`)
	if got := d.do("GET", "/resolve/six", "").instance(); got.Host != "::1" || got.ID != in.ID {
		t.Errorf("%+v", got)
	}
	d.do("POST", "/unregister", `{"name":"six","port":3001,"host":"::1"}`).is(`{"ok":true}`)
}

// An ID that is used again names the new instance only.
func TestIDsAreReused(t *testing.T) {
	d := start(t, setup{})
	d.register(`{"name":"auth","port":3001,"id":"a-1","pid":1,"meta":{"old":true}}`)
	again := d.register(`{"name":"auth","port":3002,"id":"a-1"}`)
	if again.Port != 3002 || again.PID != nil || string(again.Meta) != `{}` {
		t.Errorf("%+v", again)
	}
	if got := d.do("GET", "/resolve/auth", "").instance(); got.Port != 3002 {
		t.Errorf("%+v", got)
	}
	d.register(`{"name":"other","port":3003,"id":"a-1"}`) // of another service it is another
	if got := d.do("GET", "/resolve/auth", "").instance(); got.Port != 3002 {
		t.Errorf("%+v", got)
	}
	if got := strings.Count(d.do("GET", "/list", "").body, `"id":"a-1"`); got != 2 {
		t.Errorf("listed %d times", got)
	}
}

// What an unregistration names, and what it leaves.
func TestUnregister(t *testing.T) {
	for _, c := range []struct{ body, want, left string }{
		{`{"name":"auth","id":"b"}`, "true", "a c d"},
		{`{"name":"auth","id":"b","port":1}`, "true", "a c d"}, // the ID counts
		{`{"name":"auth","port":3001}`, "true", "d"},
		{`{"name":"auth","port":3001,"host":"127.0.0.1"}`, "true", "c d"},
		{`{"name":"auth","port":3001,"host":"127.0.0.1","id":null}`, "true", "c d"},
		{`{"name":"auth","port":3001,"host":"10.0.0.1"}`, "true", "a b d"},
		{`{"name":"auth","port":3001,"host":"10.0.0.2"}`, "false", "a b c d"},
		{`{"name":"auth","port":3001,"host":"localhost"}`, "false", "a b c d"},
		{`{"name":"auth","port":9}`, "false", "a b c d"},
		{`{"name":"auth","id":"x"}`, "false", "a b c d"},
		{`{"name":"never","port":3001}`, "false", "a b c d"},
		{`{"name":"never","id":"a"}`, "false", "a b c d"},
	} {
		d := start(t, setup{})
		d.register(`{"name":"auth","port":3001,"id":"a"}`)
		d.register(`{"name":"auth","port":3001,"id":"b"}`)
		d.register(`{"name":"auth","port":3001,"id":"c","host":"10.0.0.1"}`)
		d.register(`{"name":"auth","port":3002,"id":"d"}`)
		d.do("POST", "/unregister", c.body).is(`{"ok":` + c.want + `}`)
		var left []string
		for _, m := range regexp.MustCompile(`"id":"(.)"`).FindAllStringSubmatch(d.do("GET", "/list", "").body, -1) {
			left = append(left, m[1])
		}
		if got := strings.Join(left, " "); got != c.left {
			t.Errorf("%s leaves %q, want %q", c.body, got, c.left)
		}
	}
}
