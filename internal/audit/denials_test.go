package audit

import (
	"fmt"
	"testing"
	"time"
)

// Denials that are alike are one, which moves to the end.
func TestDenialsAreCounted(t *testing.T) {
	var d Denials
	at := time.Unix(1_000, 0)
	deny := func(service string) {
		at = at.Add(time.Second)
		d.Add(Event{Time: at, Kind: Denied, Outcome: Deny, Identity: "web", Action: "register", Service: service, Rule: Rule{Text: "none", Index: -1}})
	}
	deny("a")
	deny("b")
	deny("a")
	list, total := d.List()
	if total != 3 || len(list) != 2 || list[0].Service != "b" || list[1].Service != "a" {
		t.Fatalf("%d, %+v", total, list)
	}
	if a := list[1]; a.Repeats != 2 || !a.First.Equal(time.Unix(1_001, 0)) || !a.Time.Equal(time.Unix(1_003, 0)) || a.Rule.Text != "none" {
		t.Errorf("%+v", a)
	}
	d.Add(Event{Kind: Denied, Identity: "other", Service: "a", Action: "register", Rule: Rule{Text: "none", Index: -1}})
	if list, _ := d.List(); len(list) != 3 || list[2].Time.IsZero() {
		t.Errorf("%+v", list)
	}
}

// One identity does not push out what others were refused, and all together are bounded.
func TestDenialsAreBounded(t *testing.T) {
	var d Denials
	d.Add(Event{Kind: Denied, Identity: "quiet", Service: "orders"})
	for i := range 10_000 {
		d.Add(Event{Kind: TokenRefused, Identity: "loud", Instance: fmt.Sprint(i)})
	}
	list, total := d.List()
	if total != 10_001 || len(list) != maxOfCaller+1 || list[0].Identity != "quiet" || list[1].Instance != fmt.Sprint(10_000-maxOfCaller) {
		t.Errorf("%d in all, %d remembered, first %+v", total, len(list), list[0])
	}
	for i := range 10_000 {
		d.Add(Event{Kind: Denied, Identity: fmt.Sprint(i)})
	}
	list, _ = d.List()
	if len(list) != maxDenials || len(d.at) != maxDenials || len(d.of) != maxDenials || list[maxDenials-1].Identity != "9999" {
		t.Errorf("%d remembered, %d by what they are, of %d identities", len(list), len(d.at), len(d.of))
	}
}
