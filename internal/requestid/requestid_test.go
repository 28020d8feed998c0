package requestid

import (
	"net/http"
	"strings"
	"testing"

	"github.com/roster-sd/roster/wire"
)

func TestAccept(t *testing.T) {
	for name, c := range map[string]struct {
		given []string
		kept  bool
	}{
		"none":        {nil, false},
		"empty":       {[]string{""}, false},
		"a UUID":      {[]string{"8c1f0a52-6a0e-4c8b-9a1d-2b0f4f7d1c11"}, true},
		"a trace":     {[]string{"Root=1-67891233-abcdef012345678912345678"}, true},
		"the longest": {[]string{strings.Repeat("x", MaxLength)}, true},
		"too long":    {[]string{strings.Repeat("x", MaxLength+1)}, false},
		"two":         {[]string{"a", "b"}, false},
		"a space":     {[]string{"a b"}, false},
		"a quote":     {[]string{`a"b`}, false},
		"a command":   {[]string{"\x1b[2J"}, false},
		"a line":      {[]string{"a\nb"}, false},
		"not ASCII":   {[]string{"é"}, false},
	} {
		answer := http.Header{}
		Accept(answer, http.Header{wire.HeaderRequestID: c.given})
		if (answer[wire.HeaderRequestID] != nil) != c.kept {
			t.Errorf("%s: %q is taken: %v", name, c.given, !c.kept)
		}
		id := Answer(answer).RequestID()
		if c.kept != (len(c.given) == 1 && id == c.given[0]) || !Valid(id) || answer.Get(wire.HeaderRequestID) != id || Answer(answer).RequestID() != id {
			t.Errorf("%s: %q and then %q", name, id, answer)
		}
	}
}

// One that is made is no other's.
func TestMade(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		seen[Answer(http.Header{}).RequestID()] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d of 100 differ", len(seen))
	}
}
