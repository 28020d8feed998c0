package memory

import (
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory/journal"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/format1.state"

// writeGolden makes a state file with an item of each kind.
func writeGolden(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	file, _, err := journal.Open(path, nil, func([]byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	rec := instance("1")
	rec.Generation, rec.TTL, rec.RegisteredAt, rec.Owner = 3, 30*time.Second, 1_700_000_000_000, "spiffe://example.org/orders"
	rec.Tokens.Used[0] = 7
	died := rec
	died.Generation = 2
	w := writing{refused: func(store.Key, error) { t.Error("refused") }}
	w.part(itemForgotten, binary.AppendUvarint(nil, 300))
	w.end()
	w.add([]item{
		{number: 1, grave: &grave{rec: remains(store.Pack(&died)), reason: store.Reason{Code: store.Replaced, Actor: "a", Node: "n1"}, time: 1_700_000_000_000}},
		{number: 1, rec: store.Pack(&rec)},
	})
	if err := file.Write(w.entries); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, golden); err != nil {
		t.Fatal(err)
	}
}

// A file that the first release with state files wrote can be read: it changes only with
// the version of the journal or the format of the records.
func TestGoldenStateFile(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	content, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	path := statePath(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := OpenState(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	p := st.past
	rec := p.records[store.InstanceKey("orders", "1")]
	if rec == nil || rec.Generation != 3 || rec.TTL != 30*time.Second || rec.Tokens.Used[0] != 7 || rec.Instance.Port != 80 || rec.RegisteredAt != 1_700_000_000_000 {
		t.Errorf("the record is %+v", rec)
	}
	if len(p.stones) != 1 || p.stones[0].Record.Generation != 2 || p.stones[0].Reason != (store.Reason{Code: store.Replaced, Actor: "a", Node: "n1"}) {
		t.Errorf("the tombstones are %+v", p.stones)
	}
	if p.forgotten != 300 || p.items != 3 {
		t.Errorf("%+v", p)
	}
}

func TestEntriesThatAreNotRead(t *testing.T) {
	part := func(kind byte, body string) string {
		var w writing
		w.part(kind, []byte(body))
		return string(w.payload)
	}
	if err := newPast().read([]byte(part('p', `{"format":1,"reads":1,"k":"a","s":"b","i":"c"}`))); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for name, payload := range map[string]string{
		"an unknown kind":        "z\x00",
		"no length":              "p",
		"a length that runs out": "p\x05abc",
		"an endless length":      "p\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"no record":              part('p', "{}"),
		"a record without a key": part('p', `{"format":1,"reads":1,"k":"a","s":"b"}`),
		"a number with a rest":   part('f', "\x01\x01"),
		"a later format":         part('p', `{"format":99,"reads":99,"k":"a","s":"b","i":"c"}`),
	} {
		if err := newPast().read([]byte(payload)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// Whatever an entry with a good checksum says, reading it does not fall over.
func FuzzEntry(f *testing.F) {
	content, err := os.ReadFile(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content[36:]) // behind the header, the first entry, and what stands before a payload
	f.Add([]byte("f\x01\x05"))
	f.Add([]byte("p\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		p := newPast()
		if p.read(payload) != nil {
			return
		}
		for key, rec := range p.records {
			if rec.Key != key || key.Service == "" {
				t.Fatalf("%v is under %v", rec.Key, key)
			}
		}
	})
}
