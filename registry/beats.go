package registry

import "github.com/roster-sd/roster/auth"

// Batch is heartbeats that are sent in one call, for a surface that reads them one by one and
// uses the room again. The zero value is an empty one. It is for one goroutine.
type Batch struct {
	beats  []Beat
	tokens []signature // aligned with beats
	out    []Beaten
}

// signature is the digest of a token.
type signature [32]byte

// Add adds a heartbeat. It is false, and nothing is added, unless the names are good ones and the
// token can be one: to tell what is wrong is left to [Registry.Heartbeats]. The token
// may be overwritten afterwards; the names are kept until the batch is reset.
func (x *Batch) Add(service, id string, token []byte) bool {
	if n := len(x.beats); (n == 0 || x.beats[n-1].Service != service) && !ValidService(service) || !ValidInstanceID(id) {
		return false
	}
	digest, ok := auth.Digest(token)
	if ok {
		x.beats, x.tokens = append(x.beats, Beat{Service: service, ID: id}), append(x.tokens, digest)
	}
	return ok
}

// At gives a heartbeat that was added: its names, and the digest of its token.
func (x *Batch) At(i int) (service, id string, digest [32]byte) {
	return x.beats[i].Service, x.beats[i].ID, x.tokens[i]
}

// Len is how many heartbeats were added.
func (x *Batch) Len() int { return len(x.beats) }

// Reset empties the batch and keeps its room.
func (x *Batch) Reset() {
	clear(x.beats)
	clear(x.tokens)
	clear(x.out)
	x.beats, x.tokens, x.out = x.beats[:0], x.tokens[:0], x.out[:0]
}
