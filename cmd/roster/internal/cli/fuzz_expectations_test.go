package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is read from a file of expectations is complete, or an error names the file.
func FuzzExpectations(f *testing.F) {
	for _, s := range []string{"", "[]", "- {identity: a, action: register, service: s, allowed: true}\n- {identity: b, action: admin, allowed: false, note: n}\n",
		"- identity: a", "- {identity: a, action: b, allowed: maybe}", "- {identity: [a]}", "- &a {identity: a, action: b, allowed: true}\n- *a\n",
		"a: &a [*a]", "- {identity: a, identity: b}", "- {identity: a, colour: red}", "---\n- {}\n---\n- {}", "- null", "\t", "- {allowed: yes, identity: a, action: b}"} {
		f.Add([]byte(s))
	}
	file := filepath.Join(f.TempDir(), "expectations.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := readExpectations(file)
		if err != nil {
			if !strings.Contains(err.Error(), file) {
				t.Fatalf("the error does not name the file: %v", err)
			}
			return
		}
		if len(list) == 0 {
			t.Fatal("nothing is expected, and that is taken for something")
		}
		for i, e := range list {
			if e.Identity == "" || e.Action == "" || e.Allowed == nil {
				t.Fatalf("expectation %d is %+v", i+1, e)
			}
		}
	})
}
