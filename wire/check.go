package wire

// Check is how the nodes of the registry look for themselves whether an instance can be
// reached. In a registration all but Type may be left out; an instance shows all that apply.
type Check struct {
	Type      string `json:"type"`                // CheckTCP, CheckHTTP or CheckGRPC
	Path      string `json:"path,omitempty"`      // of an HTTP check; of a gRPC check the service
	Interval  int64  `json:"interval,omitzero"`   // milliseconds
	Timeout   int64  `json:"timeout,omitzero"`    // milliseconds
	Failures  int    `json:"failures,omitzero"`   // so many in a row, and the instance is failing
	Successes int    `json:"successes,omitzero"`  // so many in a row, and it is passing again
	OnFailure string `json:"onFailure,omitempty"` // OnFailureMark or OnFailureEvict
}

// The types of a [Check].
const (
	CheckTCP  = "tcp"  // passes when a connection opens
	CheckHTTP = "http" // passes with an answer of 200 to 299 to GET
	CheckGRPC = "grpc" // passes with SERVING by the standard health protocol
)

// What becomes of an instance whose check fails.
const (
	OnFailureMark  = "mark"  // it is failing: listed, not resolved
	OnFailureEvict = "evict" // and when two more checks fail it is removed, with the reason unreachable
)

// Verdict is what the check of an instance found when it last changed what is said of it.
type Verdict struct {
	Why   string `json:"why"`            // empty: it passes
	Node  string `json:"node,omitempty"` // the node that found it; absent: no node has looked yet
	Since int64  `json:"since,omitzero"` // Unix milliseconds, by the clock of that node
}

// Refuted tells whether a node has looked, and found that the instance cannot be reached.
func (in *Instance) Refuted() bool {
	return in.Health == "failing" && in.Verdict != nil && in.Verdict.Node != ""
}
