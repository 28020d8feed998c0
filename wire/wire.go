// Package wire holds the JSON shapes of the HTTP API, as servers write and clients read
// them. Times are Unix milliseconds and durations milliseconds. The full description is
// api/openapi.yaml; names here are fixed by it.
package wire

// Instance is a running instance of a service as the API shows it.
type Instance struct {
	ServiceName   string            `json:"serviceName"`
	InstanceID    string            `json:"instanceId"`
	Address       string            `json:"address"`
	Port          int               `json:"port"`
	Protocol      string            `json:"protocol,omitempty"`
	Version       string            `json:"version,omitempty"`
	Env           string            `json:"env,omitempty"`
	Zone          string            `json:"zone,omitempty"`
	Role          string            `json:"role,omitempty"`
	Weight        int               `json:"weight"`
	Tags          []string          `json:"tags,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	Status        string            `json:"status"`
	Health        string            `json:"health"`
	Override      *Override         `json:"override,omitempty"` // an administrator's, which counts in place of Status
	Check         *Check            `json:"check,omitempty"`
	Verdict       *Verdict          `json:"verdict,omitempty"` // what the check found; absent without one
	PID           int               `json:"pid,omitzero"`
	TTL           int64             `json:"ttl"` // granted, in milliseconds
	RegisteredAt  int64             `json:"registeredAt"`
	Revision      string            `json:"revision"`      // of the last change that clients see
	LastHeartbeat int64             `json:"lastHeartbeat"` // as far as the answering node knows
}

// State is the status that counts: an administrator's where there is one, else the owner's.
func (in *Instance) State() string {
	if in.Override != nil && in.Override.Status != "" {
		return in.Override.Status
	}
	return in.Status
}

// Registration is the body of POST /registry/register. Pointers tell "absent" from zero.
type Registration struct {
	ServiceName string            `json:"serviceName"`
	InstanceID  string            `json:"instanceId,omitempty"`
	Address     string            `json:"address,omitempty"` // also accepted as "ip" or "host"
	Port        int               `json:"port"`
	Protocol    string            `json:"protocol,omitempty"`
	Version     string            `json:"version,omitempty"`
	Env         string            `json:"env,omitempty"`
	Zone        string            `json:"zone,omitempty"`
	Role        string            `json:"role,omitempty"`
	Weight      int               `json:"weight,omitzero"`
	Tags        []string          `json:"tags,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Status      string            `json:"status,omitempty"`
	PID         int               `json:"pid,omitzero"`
	Check       *Check            `json:"check,omitempty"` // nil: nobody looks whether it can be reached
	TTL         *int64            `json:"ttl,omitempty"`   // milliseconds
}

// Registered is the answer to a registration: 201 for a new instance, 200 for one that
// replaced another.
type Registered struct {
	Instance       Instance `json:"instance"`
	Token          string   `json:"token"`
	TokenExpiresAt int64    `json:"tokenExpiresAt"` // 0: it does not expire
	TTL            int64    `json:"ttl"`            // granted, in milliseconds
}

// InstanceRef names an instance in a body: of a heartbeat and of a rotation.
type InstanceRef struct {
	ServiceName string `json:"serviceName"`
	InstanceID  string `json:"instanceId"`
}

// Heartbeat is the answer to POST /registry/heartbeat.
type Heartbeat struct {
	TTL            int64 `json:"ttl"`
	TokenExpiresAt int64 `json:"tokenExpiresAt"`
}

// HeartbeatItem is one item of a batch.
type HeartbeatItem struct {
	ServiceName string `json:"serviceName"`
	InstanceID  string `json:"instanceId"`
	Token       string `json:"token"`
}

// Heartbeats is the body of POST /registry/heartbeats, of at most MaxBatch items.
type Heartbeats struct {
	Items []HeartbeatItem `json:"items"`
}

// MaxBatch is how many items a batch may hold.
const MaxBatch = 10_000

// HeartbeatResult is the outcome of one item; results stand in the order of the items.
type HeartbeatResult struct {
	Status         int    `json:"status"`
	TTL            int64  `json:"ttl,omitzero"`
	TokenExpiresAt int64  `json:"tokenExpiresAt,omitzero"`
	Code           string `json:"code,omitempty"`
	Reason         string `json:"reason,omitempty"` // with lease_lost
	Detail         string `json:"detail,omitempty"`
}

// HeartbeatResults is the answer to a batch.
type HeartbeatResults struct {
	Results []HeartbeatResult `json:"results"`
}

// Token is the answer to POST /registry/token/rotate.
type Token struct {
	Token          string `json:"token"`
	TokenExpiresAt int64  `json:"tokenExpiresAt"`
}

// ServiceSummary is a line of the service list.
type ServiceSummary struct {
	ServiceName string `json:"serviceName"`
	Instances   int    `json:"instances"`
	Up          int    `json:"up"` // how many a resolve would choose from
	// Degraded: nearly all fail their checks, and a resolve chooses among those too.
	Degraded bool `json:"degraded,omitzero"`
}

// Services is the answer to GET /registry/services.
type Services struct {
	Revision string           `json:"revision"`
	Services []ServiceSummary `json:"services"`
}

// Service is the answer to GET /registry/services/{serviceName}. Next is set when a
// limit cut the list: give it as "after" for the page that follows.
type Service struct {
	Revision    string     `json:"revision"`
	ServiceName string     `json:"serviceName"`
	Instances   []Instance `json:"instances"`
	Next        string     `json:"next,omitempty"`
}

// Patch is the body of PATCH /registry/services/{serviceName}/{instanceId}. Absent
// members change nothing; a metadata value of null removes the key.
type Patch struct {
	Status   *string            `json:"status,omitempty"`
	Weight   *int               `json:"weight,omitempty"`
	Metadata map[string]*string `json:"metadata,omitempty"`
	Tags     *[]string          `json:"tags,omitempty"`
}

// Event is a line of GET /registry/events.
type Event struct {
	Revision    string `json:"revision"`
	Time        int64  `json:"time"`
	Type        string `json:"type"` // put or delete
	ServiceName string `json:"serviceName"`
	InstanceID  string `json:"instanceId"`
	Reason      string `json:"reason"`
	Note        string `json:"note,omitempty"`
	Actor       string `json:"actor,omitempty"`
	Node        string `json:"node,omitempty"`
	From        string `json:"from,omitempty"`
}

// Events is the answer to GET /registry/events, oldest first.
type Events struct {
	Revision string  `json:"revision"`
	Events   []Event `json:"events"`
}

// The names of the events of GET /registry/watch.
const (
	WatchSnapshot = "snapshot"
	WatchPut      = "put"
	WatchDelete   = "delete"
	WatchResync   = "resync"
)

// SnapshotPart is the data of a snapshot event: at most MaxSnapshotPart instances.
type SnapshotPart struct {
	Part      int        `json:"part"`
	Last      bool       `json:"last"`
	Instances []Instance `json:"instances"`
}

// MaxSnapshotPart is how many instances one part of a snapshot holds at the most.
const MaxSnapshotPart = 1000

// Deleted is the data of a delete event. Reason is one of the store's, or "unmatched"
// for an instance that lives on but left the filter.
type Deleted struct {
	ServiceName string `json:"serviceName"`
	InstanceID  string `json:"instanceId"`
	Revision    string `json:"revision"`
	Reason      string `json:"reason"`
	Note        string `json:"note,omitempty"`
	Actor       string `json:"actor,omitempty"`
	Node        string `json:"node,omitempty"`
}

// Unmatched is the reason of a delete event for an instance that left the filter.
const Unmatched = "unmatched"

// Health is the answer to GET /health and GET /ready.
type Health struct {
	Status   string   `json:"status"` // ok, starting, degraded, stopping
	Node     string   `json:"node,omitempty"`
	Backend  string   `json:"backend,omitempty"`
	Revision string   `json:"revision,omitempty"`
	StaleFor int64    `json:"staleFor,omitzero"` // milliseconds
	Held     int      `json:"held,omitzero"`     // instances kept past their deadline
	Reasons  []string `json:"reasons,omitempty"`
}
