package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/wire"
)

// What most clients send is read without a decoder, and what a decoder should see is left to it.
func TestQuickBatch(t *testing.T) {
	token := strings.Repeat("A", auth.TokenLength)
	one := `{"serviceName":"orders","instanceId":"o-1","token":"` + token + `"}`
	with := func(old, new string) string { return `{"items":[` + strings.Replace(one, old, new, 1) + `]}` }
	full := `{"items":[` + strings.Repeat(one+",", wire.MaxBatch-1) + one + `]}`
	for _, c := range []struct {
		name, body string
		items      int
	}{
		{"as it is written", `{"items":[` + one + "," + one + `]}`, 2},
		{"in another order, with blanks", "\n{ \"items\" :\t[ { \"token\" : \"" + token + `" , "serviceName":"orders","instanceId":"o-1" } ] }` + "\r\n", 1},
		{"as many as there may be", full, wire.MaxBatch},
		{"one more", `{"items":[` + one + "," + full[len(`{"items":[`):], 0},
		{"no items", `{"items":[]}`, 0},
		{"nothing", ``, 0},
		{"cut", `{"items":[` + one + `]`, 0},
		{"cut in a name", `{"items":[` + one[:20], 0},
		{"more behind", `{"items":[` + one + `]}{}`, 0},
		{"another member", `{"items":[` + one + `],"x":1}`, 0},
		{"items twice", `{"items":[` + one + `],"items":[]}`, 0},
		{"a member twice", with(`"instanceId":"o-1"`, `"serviceName":"o-1"`), 0},
		{"four members", with(`"}`, `","token":""}`), 0},
		{"no token", `{"items":[{"serviceName":"orders","instanceId":"o-1"}]}`, 0},
		{"an empty token", with(token, ``), 0},
		{"a token that is too long", with(token, token+"A"), 0},
		{"an escape", with(`o-1`, `o-\u0031`), 0},
		{"a bad name", with(`orders`, `-orders`), 0},
		{"a bad ID", with(`o-1`, `..`), 0},
		{"a control character", with(`o-1`, "o\x01"), 0},
		{"no UTF-8", with(`o-1`, "o\xff"), 0},
		{"a number", with(`"o-1"`, `1`), 0},
		{"null", `{"items":[null]}`, 0},
		{"a comma at the end", `{"items":[` + one + `,]}`, 0},
	} {
		var x quickBatch
		for range 2 { // the second time in the room of the first
			ok := x.read([]byte(c.body))
			if x.Len() != c.items || ok != (c.items > 0) {
				t.Errorf("%s: %v, %d items, want %d", c.name, ok, x.Len(), c.items)
			}
			want, err := decoded(c.body)
			sameQuickly(t, c.body, want, err)
			x.reset()
		}
	}
}

// A batch takes one allocation, for the names of all its items.
func TestQuickBatchAllocatesOnce(t *testing.T) {
	items := make([]string, 1000)
	for i := range items {
		items[i] = fmt.Sprintf(`{"serviceName":"auth-%d","instanceId":"auth-%07d","token":%q}`, i/10, i, strings.Repeat("A", auth.TokenLength))
	}
	body := []byte(`{"items":[` + strings.Join(items, ",") + `]}`)
	var x quickBatch
	allocs := testing.AllocsPerRun(10, func() {
		if !x.read(body) || x.Len() != len(items) {
			t.Fatal(x.Len())
		}
		x.reset()
	})
	if allocs > 1 {
		t.Errorf("%v allocations", allocs)
	}
}
