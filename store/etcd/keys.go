package etcd

import (
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// layout makes and reads the keys under a prefix.
type layout struct{ prefix, meta, records, stones string }

func newLayout(prefix string) layout {
	return layout{prefix: prefix, meta: prefix + "meta", records: prefix + "r/", stones: prefix + "t/"}
}

var (
	escaper   = strings.NewReplacer("%", "%25", "/", "%2F")
	unescaper = strings.NewReplacer("%2F", "/", "%25", "%")
)

func path(parts ...string) string {
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte('/')
		}
		_, _ = escaper.WriteString(&b, part) // a Builder takes everything
	}
	return b.String()
}

// record is where the record of a key stands.
func (l layout) record(key store.Key) string { return l.records + path(key.Kind, key.Service, key.ID) }

// grave is what begins the keys of the tombstones of a key.
func (l layout) grave(key store.Key) string {
	return l.stones + path(key.Kind, key.Service, key.ID) + "/"
}

// stone is where the tombstone of a generation stands. Numbers are of one length, so
// that they sort.
func (l layout) stone(key store.Key, generation uint64) string {
	return l.grave(key) + hex(generation)
}

func hex(n uint64) string {
	digits := strconv.FormatUint(n, 16)
	return "0000000000000000"[len(digits):] + digits
}

// span gives the range of keys in which the records that sel chooses stand. It may hold
// others, too.
func (l layout) span(sel store.Selector) (from string, end clientv3.OpOption) {
	switch {
	case sel.Kind == "":
		from = l.records
	case sel.Service == "":
		from = l.records + path(sel.Kind) + "/"
	case sel.ID == "":
		from = l.records + path(sel.Kind, sel.Service) + "/"
	default:
		return l.record(store.Key(sel)), func(*clientv3.Op) {}
	}
	return from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(from))
}

// recordKey reads the key of a record.
func (l layout) recordKey(raw []byte) (store.Key, bool) {
	rest, ok := strings.CutPrefix(string(raw), l.records)
	if !ok {
		return store.Key{}, false
	}
	return parseKey(rest)
}

// stoneKey reads the key of a tombstone.
func (l layout) stoneKey(raw []byte) (key store.Key, generation uint64, ok bool) {
	rest, ok := strings.CutPrefix(string(raw), l.stones)
	if !ok {
		return store.Key{}, 0, false
	}
	slash := strings.LastIndexByte(rest, '/')
	if slash < 0 {
		return store.Key{}, 0, false
	}
	generation, err := strconv.ParseUint(rest[slash+1:], 16, 64)
	if err != nil {
		return store.Key{}, 0, false
	}
	key, ok = parseKey(rest[:slash])
	return key, generation, ok
}

func parseKey(s string) (store.Key, bool) {
	kind, rest, ok := strings.Cut(s, "/")
	if !ok {
		return store.Key{}, false
	}
	service, id, ok := strings.Cut(rest, "/")
	if !ok || strings.Contains(id, "/") {
		return store.Key{}, false
	}
	return store.Key{Kind: unescaper.Replace(kind), Service: unescaper.Replace(service), ID: unescaper.Replace(id)}, true
}
