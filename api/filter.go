package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// maxWait is the longest that a long poll may wait.
const maxWait = 5 * time.Minute

// The most that one query may ask.
const (
	maxConditions = 16 // tag and meta.<key> together
	maxServices   = 64 // of a watch
)

// query reads the query of a request. A name that the route does not know is an error:
// a filter with a typo would choose everything.
type query struct {
	filter     catalog.Filter
	strategy   catalog.Strategy
	key        string
	limit      int // -1: not given
	after      string
	wait       time.Duration
	told       time.Duration
	consistent bool
	services   []string // sorted, each once
	repeated   bool     // there was more than one parameter for them
	service    string
	instance   string
	reason     string
	keepOut    time.Duration
	errs       fields
}

// noQuery is what a request without a query asks for, which is most of them. It is shared.
var noQuery = query{limit: -1, keepOut: registry.DefaultOverride}

// The names of the parameters that filter, beside meta.<key>.
var filterNames = []string{"version", "env", "zone", "role", "status", "tag"}

// parse reads the parameters that a route knows: the names given, and those of the
// filter if filters is set.
func parse(raw string, filters bool, known ...string) (*query, error) {
	if raw == "" {
		return &noQuery, nil
	}
	q := &query{limit: -1, keepOut: registry.DefaultOverride}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &problem{code: wire.CodeInvalid, detail: "the query cannot be read: a percent sign must stand before two hexadecimal digits, and ; is not taken"}
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		meta := filters && strings.HasPrefix(name, "meta.")
		if !meta && !slices.Contains(known, name) && (!filters || !slices.Contains(filterNames, name)) {
			q.errs.add(shortName(name), "is not a parameter of this route")
			continue
		}
		for i, value := range values[name] {
			if i > 0 && name != "tag" && name != "service" {
				q.errs.add(shortName(name), "must stand once")
				break
			}
			q.set(name, value)
		}
	}
	q.bound()
	q.repeated = len(values["service"]) > 1
	if q.key != "" && q.strategy != catalog.Hash {
		q.errs.add("key", "goes with strategy=hash")
	}
	if q.strategy == catalog.Hash && q.key == "" && !q.errs.told("key") {
		q.errs.add("key", "is needed with strategy=hash")
	}
	return q, q.errs.err()
}

// bound takes out what stands twice and refuses more than a request by hand has: each
// condition is asked of every instance, each service is found for every change.
func (q *query) bound() {
	slices.Sort(q.filter.Tags)
	q.filter.Tags = slices.Compact(q.filter.Tags)
	slices.Sort(q.services)
	q.services = slices.Compact(q.services)
	tags, meta := len(q.filter.Tags), len(q.filter.Metadata)
	if tags+meta > maxConditions {
		rule := "must be at most " + strconv.Itoa(maxConditions) + " different conditions, tag and meta.<key> together"
		if tags > 0 && !q.errs.told("tag") {
			q.errs.add("tag", rule)
		}
		if meta > 0 {
			q.errs.add("meta", rule)
		}
	}
	if len(q.services) > maxServices && !q.errs.told("service") {
		q.errs.add("service", "must name at most "+strconv.Itoa(maxServices)+" different services")
	}
}

func (q *query) set(name, value string) {
	switch name {
	case "version":
		q.filter.Version = q.some(name, value)
	case "env":
		q.filter.Env = q.some(name, value)
	case "zone":
		q.filter.Zone = q.some(name, value)
	case "role":
		q.filter.Role = q.some(name, value)
	case "status":
		switch value {
		case store.StatusStarting, store.StatusUp, store.StatusDraining, store.StatusOutOfService:
			q.filter.Status = value
		default:
			q.errs.add(name, "must be starting, up, draining or out_of_service")
		}
	case "tag":
		q.filter.Tags = append(q.filter.Tags, q.some(name, value))
	case "strategy":
		var ok bool
		if q.strategy, ok = catalog.ParseStrategy(value); !ok || value == "" {
			q.errs.add(name, "must be round_robin, random, weighted, recent or hash")
		}
	case "key":
		q.key = q.some(name, value)
	case "limit":
		n, err := strconv.ParseUint(value, 10, 31) // which takes no sign
		if err != nil || n < 1 || n > 10_000 {
			q.errs.add(name, "must be an integer from 1 to 10000")
		}
		q.limit = int(n)
	case "after":
		if q.after = value; !registry.ValidInstanceID(value) {
			q.errs.add(name, "must be an instance ID")
		}
	case "wait":
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 || d > maxWait {
			q.errs.add(name, "must be a duration from 0s to 5m, like 30s")
		}
		q.wait = d
	case "told":
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 || d > registry.MaxTold {
			q.errs.add(name, "must be a duration from 0s to 30s, like 5s")
		}
		q.told = d
	case "consistent":
		if q.consistent = value == "true"; value != "true" && value != "false" {
			q.errs.add(name, "must be true or false")
		}
	case "service":
		if !registry.ValidService(value) && !q.errs.told(name) {
			q.errs.add(name, "must be the name of a service: 1 to 63 of A-Z a-z 0-9 . _ - that begin and end with a letter or digit")
		}
		q.services, q.service = append(q.services, value), value
	case "instance":
		if q.instance = value; !registry.ValidInstanceID(value) {
			q.errs.add(name, "must be an instance ID")
		}
	case "reason":
		q.reason = value
	case "keepOut":
		d, err := time.ParseDuration(value)
		if q.keepOut = d; err != nil || d < 0 {
			q.errs.add(name, "must be a duration, like 1h, or 0s")
		}
	case "strict": // its presence is what counts
	default:
		key := strings.TrimPrefix(name, "meta.")
		if key == "" {
			q.errs.add(name, "must name a metadata key, like meta.team")
		}
		q.filter.Metadata = append(q.filter.Metadata, store.Pair{Key: key, Value: value})
	}
}

// some refuses an empty value: it would look like a filter and choose everything.
func (q *query) some(name, value string) string {
	if value == "" || len(value) > 1024 {
		q.errs.add(name, "must be 1 to 1024 bytes")
	}
	return value
}
