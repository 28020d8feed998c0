package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

// registerServices is over how many services the instances of the case register are
// spread.
const registerServices = 100

// recordTTL is the TTL of what the case register writes: longer than the case takes.
const recordTTL = 10 * time.Minute

// registrations makes the requests of the case register: each time one is sent, its
// instance has another ID.
func (c *Case) registrations(host string) []Request {
	var out []Request
	for n := range c.Services {
		name := service(c.Instances, n)
		body := mustJSON(rawclient.Registration(name, registerPrefix+noNumber, n, recordTTL))
		raw := rawclient.Post(host, "/registry/register", "", body)
		out = append(out, Request{Bytes: raw, Numbers: numbered(raw), Contains: c.contains(name)})
	}
	return out
}

// registerPrefix begins the IDs of the case register; a number follows.
const registerPrefix = "bench-"

// registerID is the ID of the nth instance that the case register made.
func registerID(n int) string { return fmt.Sprintf("%s%0*d", registerPrefix, numberDigits, n) }

// noNumber stands in a request where its number comes.
const noNumber = "##########"

// numbered finds where numbers stand in a request.
func numbered(raw []byte) []int {
	var out []int
	for from := 0; ; {
		i := bytes.Index(raw[from:], []byte(noNumber))
		if i < 0 {
			return out
		}
		out = append(out, from+i)
		from += i + numberDigits
	}
}

// recordSize is how long the values are that a backend alone is given to write, in bytes,
// where it does not tell how long those of Roster are: as long as a registration.
var recordSize = len(mustJSON(rawclient.Registration(service(0, 0), registerID(0), 0, recordTTL)))

// mustJSON encodes what cannot fail to be.
func mustJSON(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}

func checkRegistered(_ *Case, service string, body []byte) error {
	var r wire.Registered
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("check registration: %w", err)
	}
	if r.Instance.ServiceName != service || r.Token == "" || r.TTL < recordTTL.Milliseconds() {
		return fmt.Errorf("check registration: not of %s, or without a token, or for less than %v: %.300q", service, recordTTL, body)
	}
	return nil
}
