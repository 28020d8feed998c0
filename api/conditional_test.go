package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// etagOf reads a path and gives its ETag.
func (n *node) etagOf(path string) string {
	n.t.Helper()
	tag := n.get(path).want(200).header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) {
		n.t.Fatalf("%s: ETag %q", path, tag)
	}
	return tag
}

// still fails the test unless the caller that holds the ETag is told that it still holds.
func (n *node) still(path, etag string) {
	n.t.Helper()
	if res := n.get(path, ifNoneMatch(etag)).want(304); len(res.body) != 0 || res.header.Get("ETag") != etag {
		n.t.Errorf("%s: 304 with ETag %q and body %q", path, res.header.Get("ETag"), res.body)
	}
}

// What a caller may send as If-None-Match, and what it means (RFC 9110, 13.1.2).
func TestIfNoneMatch(t *testing.T) {
	n := start(t, setup{})
	n.register("orders", "o-1")
	n.register("shop", "s-1")
	const path = "/registry/services/orders"
	weak := n.etagOf(path)
	strong := strings.TrimPrefix(weak, "W/")
	bare := strings.Trim(strong, `"`)
	epoch, number, _ := strings.Cut(bare, ".")
	for name, c := range map[string]struct {
		values []string
		status int
	}{
		"weak":                     {[]string{weak}, 304},
		"strong":                   {[]string{strong}, 304}, // the comparison is a weak one
		"any":                      {[]string{"*"}, 304},
		"a list":                   {[]string{`"a", ` + weak + `,"b"`}, 304},
		"a list without spaces":    {[]string{`W/"a",` + weak}, 304},
		"several lines":            {[]string{`"a"`, weak}, 304},
		"spaces":                   {[]string{"  " + weak + "\t"}, 304},
		"empty elements":           {[]string{",," + weak + ","}, 304},
		"garbage before it":        {[]string{`x, W/, "", "unterminated, ` + weak}, 304},
		"none":                     {nil, 200},
		"empty":                    {[]string{""}, 200},
		"no quotes":                {[]string{bare}, 200},
		"half the quotes":          {[]string{`"` + bare}, 200},
		"in lower case":            {[]string{"w/" + strong}, 200},
		"another's":                {[]string{`"33a64df551425fcc55e4d42a148795d9f25f89d4"`}, 200},
		"another epoch":            {[]string{`W/"zzz.` + number + `"`}, 200},
		"earlier":                  {[]string{`W/"` + epoch + `.1"`}, 200},
		"the shop's":               {[]string{n.etagOf("/registry/services/shop")}, 200},
		"the number spelt anew":    {[]string{`W/"` + epoch + ".0" + number + `"`}, 200},
		"the epoch in capitals":    {[]string{`W/"` + strings.ToUpper(epoch) + "." + number + `"`}, 200},
		"a number beyond integers": {[]string{`W/"` + epoch + `.99999999999999999999999"`}, 200},
		"many of others":           {[]string{strings.Repeat(`"a",`, 2000)}, 200},
	} {
		res := n.in(t).get(path, unchecked, func(r *http.Request) { r.Header["If-None-Match"] = c.values })
		if res.status != c.status || res.header.Get("ETag") != weak {
			t.Errorf("%s: %d with ETag %q, want %d with %q", name, res.status, res.header.Get("ETag"), c.status, weak)
		}
	}
}

// What moves the ETag of a service, and what does not.
func TestServiceETag(t *testing.T) {
	n := start(t, setup{})
	const path, one = "/registry/services/orders", "/registry/services/orders/o-1"
	unknown := n.etagOf(path)
	reg := n.register("orders", "o-1")
	etag := n.etagOf(path)
	if etag == unknown {
		t.Fatal("a registration moved no ETag")
	}
	body := decode[wire.Service](n.get(path))
	if etag != `W/"`+body.Revision+`"` || body.Revision != body.Instances[0].Revision {
		t.Errorf("ETag %s of %+v", etag, body)
	}
	quiet := map[string]func(){
		"a heartbeat": func() { n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(reg.Token)).want(200) },
		"a rotation": func() {
			old := n.get("/registry/services").header.Get(wire.HeaderRevision)
			reg.Token = decode[wire.Token](n.do("POST", "/registry/token/rotate", ref("orders", "o-1"), withToken(reg.Token)).want(200)).Token
			n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(reg.Token)).want(200) // the first use is a write, too
			if n.get("/registry/services").header.Get(wire.HeaderRevision) == old {
				t.Error("a rotation moved no revision")
			}
		},
		"another service":         func() { n.register("shop", "s-1") },
		"a change of nothing":     func() { n.do("PATCH", one, `{"weight":100}`, withToken(reg.Token)).want(200) },
		"a resolve":               func() { n.get("/registry/resolve/orders").want(200) },
		"what was refused":        func() { n.do("PATCH", one, `{"weight":0}`, withToken(reg.Token), bad).want(400) },
		"a heartbeat of no token": func() { n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), bad).want(401) },
	}
	for name, do := range quiet {
		do()
		if got := n.etagOf(path); got != etag {
			t.Errorf("%s moved the ETag", name)
		}
		n.still(path, etag)
		n.still(path+"?version=none", etag)
	}
	for _, c := range []struct {
		name string
		do   func()
		want string
	}{
		{"an update", func() { n.do("PATCH", one, `{"weight":5}`, withToken(reg.Token)).want(200) }, "o-1"},
		{"a second instance", func() { n.register("orders", "o-2") }, "o-1 o-2"},
		{"a replacement", func() { reg = n.register("orders", "o-1") }, "o-1 o-2"},
		{"a deletion", func() { n.do("DELETE", one, nil, withToken(reg.Token)).want(204) }, "o-2"},
		{"the last deletion", func() {
			reg = n.register("orders", "o-2")
			n.do("DELETE", "/registry/services/orders/o-2", nil, withToken(reg.Token)).want(204)
		}, ""},
	} {
		before := n.etagOf(path)
		c.do()
		res := n.get(path, ifNoneMatch(before)).want(200)
		if got := ids(decode[wire.Service](res).Instances); got != c.want || res.header.Get("ETag") == before {
			t.Errorf("after %s: %q, ETag %s, was %s", c.name, got, res.header.Get("ETag"), before)
		}
	}
	// A service that is gone keeps its position, and one that never was has one.
	gone, never := n.etagOf(path), n.etagOf("/registry/services/never")
	n.register("shop", "s-2")
	n.still(path, gone)
	n.still("/registry/services/never", never)
}

// What moves the ETag of the list, and what does not.
func TestListETag(t *testing.T) {
	n := start(t, setup{})
	const path = "/registry/services"
	reg := n.register("orders", "o-1")
	etag := n.etagOf(path)
	n.do("POST", "/registry/heartbeat", ref("orders", "o-1"), withToken(reg.Token)).want(200)
	n.do("PATCH", "/registry/services/orders/o-1", `{"weight":5}`, withToken(reg.Token)).want(200)
	n.still(path, etag)
	for _, c := range []struct {
		name string
		do   func()
		want wire.ServiceSummary
	}{
		{"another instance", func() { n.register("orders", "o-2") }, wire.ServiceSummary{ServiceName: "orders", Instances: 2, Up: 2}},
		{"one that drains", func() {
			n.do("PATCH", "/registry/services/orders/o-1", `{"status":"draining"}`, withToken(reg.Token)).want(200)
		}, wire.ServiceSummary{ServiceName: "orders", Instances: 2, Up: 1}},
		{"one that ends", func() { n.do("DELETE", "/registry/services/orders/o-1", nil, withToken(reg.Token)).want(204) },
			wire.ServiceSummary{ServiceName: "orders", Instances: 1, Up: 1}},
	} {
		c.do()
		res := n.get(path, ifNoneMatch(etag)).want(200)
		if got := decode[wire.Services](res).Services; len(got) != 1 || got[0] != c.want {
			t.Errorf("after %s: %+v, want %+v", c.name, got, c.want)
		}
		etag = res.header.Get("ETag")
		n.still(path, etag)
	}
}
