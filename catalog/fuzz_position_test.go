package catalog

import "testing"

// What is read as a position, of an ETag or a Last-Event-ID, has one spelling.
func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"", ".", "~", "a.1", "a.1~b.2", "3w5e11264sgsf.18446744073709551615~3w5e11264sgsf.18446744073709551615",
		"a.1~", "~a.1", "a.1~0.0", "a.1~b.02", "A.1~b.2", "a.1~b.2~c.3", "a.1 ", "a.-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ParsePosition(s)
		if err != nil {
			return
		}
		if at.String() != s {
			t.Fatalf("%q is read as %v", s, at)
		}
		if at.IsPure() != (at.Mark == Mark{}) || !at.IsPure() && len(s) < 7 {
			t.Fatalf("%q has the mark %+v", s, at.Mark)
		}
	})
}
