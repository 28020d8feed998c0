package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/roster-sd/roster/store"
)

// entry is an entry of the stream as it stands there: a change of one record, or the begin of
// an epoch, which has no name.
type entry struct {
	number uint64
	nonce  string
	epoch  string
	time   store.Millis
	what   string // + or -; at the begin of an epoch, why
	name   string
	why    string // JSON
	value  string // of the record after a +, before a -
}

var errEntry = errors.New("an entry of the stream in redis cannot be read")

// entryOf reads an entry as XRANGE gives it: its ID, then names and values in turn. Names are
// looked at, since later builds may add to them.
func entryOf(v any) (entry, error) {
	pair, _ := v.([]any)
	id := reply(pair).text(0)
	digits, ok := strings.CutSuffix(id, "-0")
	number, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil {
		return entry{}, fmt.Errorf("%w: id %.100q", errEntry, id)
	}
	en := entry{number: number}
	fields := reply(pair).list(1)
	for i := 0; i+1 < len(fields); i += 2 {
		text := fields.text(i + 1)
		switch fields.text(i) {
		case "x":
			en.nonce = text
		case "e":
			en.epoch = text
		case "t":
			en.time = store.Millis(fields.integer(i + 1))
		case "c":
			en.what = text
		case "k":
			en.name = text
		case "w":
			en.why = text
		case "v":
			en.value = text
		}
	}
	return en, nil
}

func (en *entry) deletes() bool { return en.what == "-" }

// event gives what the entry tells.
func (en *entry) event() (store.Event, error) {
	epoch, err := strconv.ParseUint(en.epoch, 16, 64)
	if err != nil {
		return store.Event{}, fmt.Errorf("%w: epoch %.100q", errEntry, en.epoch)
	}
	key, err := keyOf(en.name)
	if err != nil {
		return store.Event{}, err
	}
	v, err := decode(key, epoch, en.value)
	if err != nil {
		return store.Event{}, err
	}
	ev := store.Event{Revision: store.Revision{Epoch: epoch, Number: en.number}, Time: en.time}
	if ev.Reason, err = reasonOf(en.why); err != nil {
		return store.Event{}, err
	}
	if en.deletes() {
		ev.Before = v.rec
	} else {
		ev.Record = v.rec
	}
	return ev, nil
}
