package wire

// Explanation answers GET /registry/explain/:serviceName/:instanceId: what is known of an
// instance that is there, or that left not too long ago.
type Explanation struct {
	ServiceName string `json:"serviceName"`
	InstanceID  string `json:"instanceId"`
	Node        string `json:"node"`  // that answers
	Time        int64  `json:"time"`  // of the answer, by that node's clock
	State       string `json:"state"` // ExplainLive, ExplainHeld or ExplainGone

	Instance   *Instance `json:"instance,omitempty"` // as it is; absent: it is gone
	Registered Origin    `json:"registered"`         // the last time
	Lease      *Lease    `json:"lease,omitempty"`    // of one that is there
	Token      *Rotation `json:"token,omitempty"`    // of one that is there
	// Override is an administrator's word that stands, also over one that is gone.
	Override   *OverrideEntry `json:"override,omitempty"`
	Heartbeats *Rhythm        `json:"heartbeats,omitempty"` // absent: the node took none
	Hold       *Hold          `json:"hold,omitempty"`
	// Spared: it fails its check and asked to be removed for that, and is kept because nearly all of
	// its service fail.
	Spared bool `json:"spared,omitzero"`
	// Left is how it left; of one that is there, how its life before ended.
	Left *Departure `json:"left,omitempty"`
	// Registrations is how often it was registered within the events that are remembered.
	Registrations int         `json:"registrations"`
	Events        []ToldEvent `json:"events"` // the newest, oldest first
	// Incomplete: the backend is out of reach, and what only it knows is missing.
	Incomplete bool `json:"incomplete,omitzero"`
}

// The states of an [Explanation].
const (
	ExplainLive = "live"
	ExplainHeld = "held" // shown past the end of its lease
	ExplainGone = "gone"
)

// Origin is how a life of an instance began. From, Node and Note are absent where the event
// is forgotten.
type Origin struct {
	By         string `json:"by"` // the identity that registered it
	Time       int64  `json:"time"`
	Generation uint64 `json:"generation"`
	From       string `json:"from,omitempty"`
	Node       string `json:"node,omitempty"`
	Note       string `json:"note,omitempty"`
}

// Lease is the terms on which an instance is there.
type Lease struct {
	TTL  int64  `json:"ttl"`            // milliseconds
	Left *int64 `json:"left,omitempty"` // what remains by the backend's clock; absent: not known
}

// Rotation is what is known of the tokens of an instance, which are not shown.
type Rotation struct {
	ExpiresAt int64 `json:"expiresAt"` // of the token last used; 0: it does not
	Rotations int   `json:"rotations"` // within the events that are remembered
	RotatedAt int64 `json:"rotatedAt,omitzero"`
	// Unused: a newer token was made and has not been used yet.
	Unused bool `json:"unused,omitzero"`
}

// Rhythm is what one node knows of the renewals of an instance: of those that it took.
type Rhythm struct {
	Last       int64   `json:"last"`       // when it last heard of it, by its clock
	LargestGap int64   `json:"largestGap"` // between two, in milliseconds
	OfTTL      float64 `json:"ofTTL"`      // that as a share of the TTL
}

// Hold is why an instance is shown past the end of its lease.
type Hold struct {
	Because string `json:"because"`
	Since   int64  `json:"since,omitzero"`
	Left    *int64 `json:"left,omitempty"` // milliseconds; absent: as long as the cause lasts
}

// Departure is the end of a life of an instance.
type Departure struct {
	InstanceID   string `json:"instanceId"`
	Time         int64  `json:"time"`
	Reason       string `json:"reason"`
	Note         string `json:"note,omitempty"`
	Actor        string `json:"actor,omitempty"`
	Node         string `json:"node,omitempty"` // on which it left
	From         string `json:"from,omitempty"`
	Address      string `json:"address"`
	Port         int    `json:"port"`
	By           string `json:"by"` // the identity that had registered it
	RegisteredAt int64  `json:"registeredAt"`
	Generation   uint64 `json:"generation"`
	TTL          int64  `json:"ttl"`
	// Heartbeats is what the answering node knows of that life; absent: it took none.
	Heartbeats *Rhythm `json:"heartbeats,omitempty"`
}

// ToldEvent is an event with what it changed.
type ToldEvent struct {
	Event
	Changes []Changed `json:"changes,omitempty"`
}

// Changed is a part of an instance that an event changed: status, health, verdict, override,
// address or weight; or token, of which To says that it was made, or first used.
type Changed struct {
	Field string `json:"field"`
	From  string `json:"from,omitempty"`
	To    string `json:"to"`
}

// ServiceExplanation answers GET /registry/explain/:serviceName: what there is of a service,
// and what happened lately.
type ServiceExplanation struct {
	ServiceName string `json:"serviceName"`
	Node        string `json:"node"` // that answers
	Time        int64  `json:"time"` // of the answer, by that node's clock

	Instances int            `json:"instances"`
	Up        int            `json:"up"` // how many a resolve would choose from
	States    map[string]int `json:"states"`
	Suspect   int            `json:"suspect"`
	Failing   int            `json:"failing"` // by their checks, those that nobody has done yet included
	// Degraded: nearly all fail, and a resolve chooses among those too.
	Degraded bool    `json:"degraded,omitzero"`
	Owners   []Count `json:"owners"`

	Events        int              `json:"events"`         // how many were looked at
	Since         int64            `json:"since,omitzero"` // of the oldest of them
	Registrations int              `json:"registrations"`
	Reasons       []Count          `json:"reasons"` // of those that left
	Left          []Departure      `json:"left"`    // newest first
	Flapping      []Flapping       `json:"flapping"`
	Late          []LateHeartbeats `json:"late"`
	Incomplete    bool             `json:"incomplete,omitzero"`
}

// Count is how many there are of a thing.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Flapping is an instance, or instances in one place, that were registered again and again.
type Flapping struct {
	InstanceID    string `json:"instanceId,omitempty"` // absent: several, in one place
	IDs           int    `json:"ids"`
	Address       string `json:"address"`
	Port          int    `json:"port"`
	Registrations int    `json:"registrations"` // within an hour before the last
	Last          int64  `json:"last"`
}

// LateHeartbeats is an instance of which the answering node waited long for a renewal.
type LateHeartbeats struct {
	InstanceID string `json:"instanceId"`
	TTL        int64  `json:"ttl"`
	Rhythm
}
