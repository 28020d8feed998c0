package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
	"pgregory.net/rapid"
)

// member makes an instance that registered and was heard of so long before noon.
func member(service, id string, age, beat time.Duration, change ...func(*wire.Instance)) wire.Instance {
	in := wire.Instance{
		ServiceName: service, InstanceID: id, Address: "10.0.0.7", Port: 3000, Status: "up", Health: "passing", TTL: 30_000,
		RegisteredAt: noon - age.Milliseconds(), LastHeartbeat: noon - beat.Milliseconds(),
	}
	for _, f := range change {
		f(&in)
	}
	return in
}

func snapshot(list ...wire.Instance) client.Event {
	return client.Event{Type: wire.WatchSnapshot, First: true, Snapshot: &wire.SnapshotPart{Part: 1, Last: true, Instances: list}}
}

func put(in wire.Instance) client.Event {
	return client.Event{Type: wire.WatchPut, Instance: &in}
}

func removal(service, id, reason string, change ...func(*wire.Deleted)) client.Event {
	d := wire.Deleted{ServiceName: service, InstanceID: id, Reason: reason}
	for _, f := range change {
		f(&d)
	}
	return client.Event{Type: wire.WatchDelete, Deleted: &d}
}

// street is a board with some of everything, as it is at noon.
func street(colour bool) *board {
	b := &board{address: "http://127.0.0.1:43685", keys: true, colour: colour}
	earlier := func(d time.Duration) time.Time { return clock().Add(-d) }
	of := func(version, zone string) func(*wire.Instance) {
		return func(in *wire.Instance) { in.Version, in.Zone = version, zone }
	}
	list := []wire.Instance{
		member("auth", "127.0.0.1:3001:839212", 192*time.Second, 2*time.Second, func(in *wire.Instance) { in.Address, in.Port = "127.0.0.1", 3001 }),
		member("billing", "billing-1", 26*time.Hour, 21*time.Second, of("2.0.0", "eu-1"), func(in *wire.Instance) { in.Status = "draining" }),
		member("billing", "billing-2", 3*time.Hour+5*time.Minute, 31*time.Second, of("2.0.0", "eu-1"), func(in *wire.Instance) { in.Health = "suspect" }),
		member("orders", "expired", time.Hour, 30*time.Second),
		member("orders", "forced", time.Hour, 0),
		member("orders", "left", time.Hour, 0),
		member("orders", "process", time.Hour, 0, func(in *wire.Instance) { in.PID = 4711 }),
		member("orders", "orders-with-a-very-long-name-7f3k2m9q", 59*time.Second, 0, of("生命", "")),
		member("orders", "z", time.Hour, 0),
	}
	b.roll.apply(snapshot(list...), earlier(time.Minute))
	b.roll.apply(put(member("web", "web-new", 4*time.Second, 4*time.Second, of("", "eu-☃"))), earlier(4*time.Second))
	b.roll.apply(put(member("web", "web-old", 6*time.Second, 6*time.Second)), earlier(6*time.Second))
	b.roll.apply(put(member("orders", "z", time.Hour, 0, func(in *wire.Instance) { in.Status = "out_of_service" })), earlier(time.Second))
	b.roll.apply(removal("orders", "expired", "expired"), earlier(9*time.Second))
	b.roll.apply(removal("orders", "forced", "forced", func(d *wire.Deleted) { d.Actor, d.Note = "spiffe://example.org/ops", "bad \x1b[2Jhost" }), earlier(2*time.Second))
	b.roll.apply(removal("orders", "left", "deregistered", func(d *wire.Deleted) { d.Actor = "local" }), earlier(time.Second))
	b.roll.apply(removal("orders", "process", "process_exited"), clock())
	return b
}

func TestLivePictures(t *testing.T) {
	for name, c := range map[string]struct {
		width, height int
		change        func(*board)
	}{
		"wide":          {120, 20, func(*board) {}},
		"usual":         {80, 24, func(*board) {}},
		"narrow":        {60, 15, func(*board) {}},
		"tiny":          {24, 6, func(*board) {}},
		"colour":        {80, 24, func(b *board) { b.colour = true }},
		"lower":         {80, 10, func(b *board) { b.top = 99 }},
		"search":        {80, 10, func(b *board) { b.query = "BILL" }},
		"typing":        {80, 10, func(b *board) { b.query, b.typing = "10.0.0.7:3000", true }},
		"nothing found": {80, 10, func(b *board) { b.query = "\x1b[2J" }},
		"no keyboard":   {80, 10, func(b *board) { b.keys = false }},
		"lost": {80, 24, func(b *board) {
			b.link.down(&client.Error{Cause: errors.New("dial tcp 127.0.0.1:43685: connection refused")}, 9*time.Second, clock().Add(-7*time.Second))
			b.link.down(errors.New("dial tcp 127.0.0.1:43685: connection refused"), 9*time.Second, clock().Add(-3*time.Second))
		}},
		"stale": {80, 12, func(b *board) {
			b.link.asked(clock(), client.Freshness{Stale: true, Age: 90 * time.Second}, nil, clock())
		}},
		"one service": {80, 12, func(b *board) {
			b.service, b.roll = "orders", roll{}
			b.roll.apply(snapshot(member("orders", "a", 0, 0), member("orders", "b", time.Hour, 0)), clock())
		}},
		"reading":             {80, 10, func(b *board) { b.roll = roll{} }},
		"empty":               {80, 10, func(b *board) { b.roll = roll{}; b.roll.apply(snapshot(), clock()) }},
		"empty service":       {80, 10, func(b *board) { b.roll, b.service = roll{}, "orders"; b.roll.apply(snapshot(), clock()) }},
		"empty by the filter": {80, 10, func(b *board) { b.roll, b.filter = roll{}, true; b.roll.apply(snapshot(), clock()) }},
	} {
		b := street(false)
		c.change(b)
		lines := b.lines(c.width, c.height, clock())
		check(t, lines, c.width, c.height)
		if again := b.lines(c.width, c.height, clock()); strings.Join(again, "\n") != strings.Join(lines, "\n") {
			t.Errorf("%s: drawn again it is another picture", name)
		}
		got := strings.ReplaceAll(strings.Join(lines, "|\n")+"|\n", "\x1b", "␛")
		path := filepath.Join("testdata", "live", strings.ReplaceAll(name, " ", "-")+".golden")
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// check fails the test for a picture that does not fit, or could command the terminal.
func check(t rapid.TB, lines []string, width, height int) {
	t.Helper()
	if len(lines) > height {
		t.Errorf("%d lines on a terminal of %d", len(lines), height)
	}
	for _, line := range lines {
		if w := text.StringWidthWithoutEscSequences(line); w > width {
			t.Errorf("a line of %d on a terminal of %d: %q", w, width, line)
		}
		rest := line
		for {
			before, after, found := strings.Cut(rest, "\x1b[")
			if strings.IndexFunc(before, hidden) >= 0 || !utf8.ValidString(before) {
				t.Errorf("control characters in %q", line)
			}
			if !found {
				break
			}
			code, more, ok := strings.Cut(after, "m")
			if !ok || strings.Trim(code, "0123456789") != "" {
				t.Errorf("more than colours in %q", line)
			}
			rest = more
		}
	}
}

// Whatever instances say of themselves, and whatever the size, a picture fits and holds
// nothing that commands a terminal.
func TestLivePicturesFit(t *testing.T) {
	anything := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("a\u0301\u0302\u20dd生ｗ\x1b[\n\r\t\u202e\u200d\ufe0f👩🏽")), 0, 30, -1))
	rapid.Check(t, func(t *rapid.T) {
		b := &board{
			colour: rapid.Bool().Draw(t, "colour"), keys: true, address: anything.Draw(t, "address"),
			query: rapid.SampledFrom([]string{"", "", "a", "x"}).Draw(t, "query"), typing: rapid.Bool().Draw(t, "typing"),
			top: rapid.IntRange(0, 40).Draw(t, "top"),
		}
		if rapid.Bool().Draw(t, "one") {
			b.service = anything.Draw(t, "service")
		}
		if rapid.Bool().Draw(t, "lost") {
			b.link.down(errors.New(anything.Draw(t, "error")), 0, clock())
		}
		b.roll.apply(snapshot(), clock())
		for i := range rapid.IntRange(0, 30).Draw(t, "n") {
			in := member(anything.Draw(t, "name"), fmt.Sprint(i, anything.Draw(t, "id")), time.Duration(i)*time.Hour, 0)
			in.Status, in.Health, in.Address = anything.Draw(t, "status"), anything.Draw(t, "health"), anything.Draw(t, "host")
			in.Version, in.Zone = anything.Draw(t, "version"), anything.Draw(t, "zone")
			b.roll.apply(put(in), clock())
			if rapid.Bool().Draw(t, "gone") {
				b.roll.apply(removal(in.ServiceName, in.InstanceID, anything.Draw(t, "reason"), func(d *wire.Deleted) { d.Note = anything.Draw(t, "note") }), clock())
			}
		}
		width, height := rapid.IntRange(-1, 130).Draw(t, "width"), rapid.IntRange(-1, 40).Draw(t, "height")
		check(t, b.lines(width, height, clock()), max(width, 0), max(height, 0))
	})
}

// No name can grow over the lines above and below.
func TestPlainCutsTowers(t *testing.T) {
	if got, want := plain("a"+strings.Repeat("\u0301", 50)+"b\u0301"), "a\u0301\u0301b\u0301"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
