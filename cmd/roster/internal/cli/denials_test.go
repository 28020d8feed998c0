package cli

import (
	"fmt"
	"strings"
	"testing"
)

func TestDenials(t *testing.T) {
	w := newWorld(t).at(registry(t, map[string]string{"GET /registry/admin/denials": fmt.Sprintf(`{"node":"n1","since":%d,"total":9,"denials":[
		{"time":%d,"first":%d,"count":3,"kind":"denied","identity":"spiffe://example.org/web","from":"192.0.2.7","action":"register","serviceName":"orders","rule":"none of auth.policies allows it"},
		{"time":%d,"first":%d,"count":1,"kind":"token_refused","identity":"a\u001b[31mb","from":"192.0.2.8","action":"register","serviceName":"orders","instanceId":"o-1","why":"expired"},
		{"time":%d,"first":%d,"count":5,"kind":"handshake_refused","from":"192.0.2.9","why":"tls: no"}]}`,
		noon-3600_000, noon-60_000, noon-3000_000, noon-30_000, noon-30_000, noon, noon-1000)}))
	if code := w.run("denials"); code != ExitOK {
		t.Errorf("exit status %d: %s", code, &w.err)
	}
	w.golden("denials")
	if code := w.run("denials", "-o", "json"); code != ExitOK || !strings.Contains(w.out.String(), `"count": 3`) {
		t.Errorf("exit status %d: %s", code, &w.out)
	}
	w.at(registry(t, map[string]string{"GET /registry/admin/denials": fmt.Sprintf(`{"node":"n1","since":%d,"total":0,"denials":[]}`, noon)}))
	if code := w.run("denials"); code != ExitOK || w.out.Len() != 0 || !strings.HasPrefix(w.err.String(), "n1 has refused nothing since ") {
		t.Errorf("exit status %d, output %q, messages %q", code, &w.out, &w.err)
	}
}
