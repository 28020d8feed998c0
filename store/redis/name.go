package redis

import (
	"errors"
	"fmt"
	"strings"

	"github.com/roster-sd/roster/store"
)

// The name of a key is kind/service/id. Kind and service are written so that they hold no
// separator; the ID, which is the last, is written as it is. Names are data: they are
// compared, and never patterns.
var (
	part   = strings.NewReplacer("%", "%25", "/", "%2F")
	unpart = strings.NewReplacer("%2F", "/", "%25", "%")
)

func name(k store.Key) string {
	return part.Replace(k.Kind) + "/" + part.Replace(k.Service) + "/" + k.ID
}

var errName = errors.New("a name in redis is none of a record's")

func keyOf(name string) (store.Key, error) {
	kind, rest, _ := strings.Cut(name, "/")
	service, id, ok := strings.Cut(rest, "/")
	if !ok {
		return store.Key{}, fmt.Errorf("%w: %.200q", errName, name)
	}
	return store.Key{Kind: unpart.Replace(kind), Service: unpart.Replace(service), ID: id}, nil
}

// span is a range of names, as ZRANGEBYLEX takes its bounds.
type span struct{ from, to string }

var everything = span{"-", "+"}

// under gives the names that begin with whole parts.
func under(parts string) span {
	// The byte after the separator bounds what begins with it.
	return span{"[" + parts + "/", "(" + parts + "0"}
}
