package store_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/roster-sd/roster/store"
)

func TestRevisionText(t *testing.T) {
	for _, tt := range []struct {
		rev  store.Revision
		text string
	}{
		{store.Revision{}, "0.0"},
		{store.Revision{Epoch: 1, Number: 1}, "1.1"},
		{store.Revision{Epoch: 35, Number: 10}, "z.10"},
		{store.Revision{Epoch: 36, Number: 0}, "10.0"},
		{store.Revision{Epoch: math.MaxUint64, Number: math.MaxUint64}, "3w5e11264sgsf.18446744073709551615"},
	} {
		if got := tt.rev.String(); got != tt.text {
			t.Errorf("%+v reads %q, want %q", tt.rev, got, tt.text)
		}
		if got := string(tt.rev.Append([]byte("at "))); got != "at "+tt.text {
			t.Errorf("Append gave %q", got)
		}
		if got, err := store.ParseRevision(tt.text); err != nil || got != tt.rev {
			t.Errorf("%q parses as %+v, %v", tt.text, got, err)
		}
	}
}

// Equal revisions have one spelling: all others are refused.
func TestParseRevisionRefuses(t *testing.T) {
	for _, text := range []string{
		"", ".", "1", "1.", ".1", "1.1.1", "1..1", "01.1", "1.01", "00.0", "Z.1", "3W5E11264SGSF.1", "1.a", "1.-1", "-1.1", "+1.1", "1.+1",
		" 1.1", "1.1 ", "1. 1", "1_0.1", "1.1_0", "0x1.1", "1.1e3", "1.1\n", "\x001.1", "1,1", "W/1.1", `"1.1"`, "１.1", "é.1",
		"3w5e11264sgsg.1", "1.18446744073709551616", "zzzzzzzzzzzzzzzzzzzz.1", strings.Repeat("0", 50) + "1.1", strings.Repeat("z", 1000) + ".1",
	} {
		if rev, err := store.ParseRevision(text); err == nil {
			t.Errorf("%q parses as %+v", text, rev)
		} else if !rev.IsZero() {
			t.Errorf("%q is refused with %v and gives %+v", text, err, rev)
		}
	}
}

func FuzzParseRevision(f *testing.F) {
	for _, text := range []string{"0.0", "1.1", "z.10", "3w5e11264sgsf.18446744073709551615", "01.1", "1.1.1", "", "Z.1", "+1.1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rev, err := store.ParseRevision(text)
		if err != nil {
			if !rev.IsZero() {
				t.Errorf("%q is refused with %v and gives %+v", text, err, rev)
			}
			return
		}
		if rev.String() != text {
			t.Errorf("%q parses as %v: two spellings of one revision", text, rev)
		}
	})
}

func FuzzRevision(f *testing.F) {
	f.Add(uint64(0), uint64(0))
	f.Add(uint64(math.MaxUint64), uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, epoch, number uint64) {
		rev := store.Revision{Epoch: epoch, Number: number}
		if got, err := store.ParseRevision(rev.String()); err != nil || got != rev {
			t.Errorf("%v parses as %v, %v", rev, got, err)
		}
	})
}

func TestRevisionBefore(t *testing.T) {
	a, b := store.Revision{Epoch: 1, Number: 1}, store.Revision{Epoch: 1, Number: 2}
	other := store.Revision{Epoch: 2, Number: 9}
	for _, tt := range []struct {
		r, other store.Revision
		want     bool
	}{{a, b, true}, {b, a, false}, {a, a, false}, {a, other, false}, {other, a, false}, {store.Revision{}, a, false}} {
		if got := tt.r.Before(tt.other); got != tt.want {
			t.Errorf("%v before %v: %v", tt.r, tt.other, got)
		}
	}
}

func TestRevisionIsZero(t *testing.T) {
	if !(store.Revision{}).IsZero() {
		t.Error("the zero revision is not zero")
	}
	for _, rev := range []store.Revision{{Epoch: 1}, {Number: 1}} {
		if rev.IsZero() {
			t.Errorf("%+v is zero", rev)
		}
	}
}

func TestRevisionAppendAllocatesNothing(t *testing.T) {
	rev := store.Revision{Epoch: math.MaxUint64, Number: math.MaxUint64}
	buf := make([]byte, 0, 40)
	if n := testing.AllocsPerRun(100, func() { buf = rev.Append(buf[:0]) }); n != 0 {
		t.Errorf("Append allocates %v times", n)
	}
	if !slices.Equal(buf, []byte(rev.String())) {
		t.Errorf("Append gave %q, String %q", buf, rev)
	}
}
