package wire

// The headers of the API's own.
const (
	HeaderToken    = "X-Instance-Token"
	HeaderRevision = "Registry-Revision"
	HeaderStale    = "Registry-Stale"
	HeaderAge      = "Registry-Age"
	HeaderTold     = "Registry-Told"
	HeaderDegraded = "Registry-Degraded"
	// HeaderRequestID names a request, in its answer too; see package internal/requestid.
	HeaderRequestID = "X-Request-Id"
)

// ContentTypeProblem is the media type of every error of the native API (RFC 9457).
const ContentTypeProblem = "application/problem+json"

// The codes of problems, each with its status in api/openapi.yaml.
const (
	CodeInvalid         = "invalid_request"
	CodeUnauthenticated = "unauthenticated"
	CodeForbidden       = "forbidden"
	CodeNotFound        = "not_found"
	CodeMethod          = "method_not_allowed"
	CodeConflict        = "conflict"
	CodeLeaseLost       = "lease_lost"
	CodeTooLarge        = "too_large"
	CodeMediaType       = "unsupported_media_type"
	CodeMisdirected     = "misdirected"
	CodeRateLimited     = "rate_limited"
	CodeUnavailable     = "unavailable"
	CodeInternal        = "internal"
)

// Problem is an error of the native API.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Code   string       `json:"code"`
	Reason string       `json:"reason,omitempty"` // with lease_lost: why it is gone
	Errors []FieldError `json:"errors,omitempty"`
}

// FieldError names a field and the rule that it breaks.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}
