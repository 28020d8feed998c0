package wire

// PolicyQuestion is the body of POST /registry/admin/policies/check: may the identity do the
// action, register, discover or admin, on the service? ServiceName may be absent with admin.
type PolicyQuestion struct {
	Identity    string `json:"identity"`
	Action      string `json:"action"`
	ServiceName string `json:"serviceName,omitempty"`
}

// PolicyDecision answers a [PolicyQuestion].
type PolicyDecision struct {
	Allowed bool `json:"allowed"`
	// Rule is the first rule that allows it; absent where none does, or none is needed.
	Rule   *PolicyRule `json:"rule,omitempty"`
	Reason string      `json:"reason"` // the ground of the decision, for people
	// Change says what would have to change for the other decision, a line each.
	Change []string `json:"change"`
}

// PolicyRule names a rule of auth.policies by its place there, from 0, and its pattern.
type PolicyRule struct {
	Index    int    `json:"index"`
	Identity string `json:"identity"`
}

// Override is an administrator's word on an instance.
type Override struct {
	Status string `json:"status,omitempty"` // counts in place of the owner's
	Reason string `json:"reason"`
	Until  int64  `json:"until"` // Unix milliseconds
}

// OverrideRequest is the body of PUT /registry/admin/overrides/:serviceName/:instanceId. It
// needs a status, or KeepOut, or both.
type OverrideRequest struct {
	Status  string `json:"status,omitempty"`
	KeepOut bool   `json:"keepOut,omitzero"` // the ID may not be registered
	Reason  string `json:"reason,omitempty"`
	For     int64  `json:"for,omitzero"` // milliseconds; absent: an hour
}

// OverrideEntry is an override and what it stands on.
type OverrideEntry struct {
	ServiceName string `json:"serviceName"`
	InstanceID  string `json:"instanceId"`
	Override
	KeptOut bool   `json:"keptOut,omitzero"`
	By      string `json:"by"`
}

// Overrides answers GET /registry/admin/overrides.
type Overrides struct {
	Overrides []OverrideEntry `json:"overrides"`
}

// The kinds of lines of GET /registry/admin/dump.
const (
	DumpRegistry = "registry" // the first line
	DumpInstance = "instance"
	DumpEnd      = "end" // the last line: a dump without it was cut off
)

// DumpLine is a line of GET /registry/admin/dump. What is absent is not of its kind.
type DumpLine struct {
	Kind string `json:"kind"`

	// Of the registry.
	Node     string `json:"node,omitempty"`
	Backend  string `json:"backend,omitempty"`
	Revision string `json:"revision,omitempty"` // at which all lines hold
	Time     int64  `json:"time,omitzero"`

	// Of an instance. There are no tokens, and nothing from which one could be made.
	Owner          string    `json:"owner,omitempty"`
	Generation     uint64    `json:"generation,omitzero"`
	TokenExpiresAt int64     `json:"tokenExpiresAt,omitzero"` // of the token last used
	Instance       *Instance `json:"instance,omitempty"`

	// Of the end.
	Instances *int `json:"instances,omitempty"`
}

// ContentTypeLines is the media type of a dump: JSON texts, one a line.
const ContentTypeLines = "application/x-ndjson"
