package wire

// Denials answers GET /registry/admin/denials: what the node that answers has refused lately.
type Denials struct {
	Node  string `json:"node"`
	Since int64  `json:"since"` // when it began to count, Unix milliseconds
	Total int64  `json:"total"` // refusals since then, remembered or not
	// Denials are those that are remembered, the latest last.
	Denials []Denial `json:"denials"`
}

// Denial is a refusal. What is absent was not known, or is not of its kind.
type Denial struct {
	Time        int64  `json:"time"`  // of the last one, Unix milliseconds
	First       int64  `json:"first"` // of the first one like it
	Count       int64  `json:"count"` // how many there were like it
	Kind        string `json:"kind"`  // denied, token_refused, takeover_refused and so on
	Identity    string `json:"identity,omitempty"`
	From        string `json:"from,omitempty"`
	RequestID   string `json:"requestId,omitempty"` // of the last one, as its answer had it
	Action      string `json:"action,omitempty"`    // register, discover or admin
	ServiceName string `json:"serviceName,omitempty"`
	InstanceID  string `json:"instanceId,omitempty"`
	Rule        string `json:"rule,omitempty"` // what auth.policies or auth.services say of it
	Why         string `json:"why,omitempty"`  // the reason where it is no rule
}
