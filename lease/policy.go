package lease

import (
	"errors"
	"fmt"
	"time"
)

// Policy bounds the TTLs that clients may have.
type Policy struct {
	Default time.Duration // for a client that asks for none
	Min     time.Duration // whoever asks for less is granted this
	Max     time.Duration // whoever asks for more is refused
}

// DefaultPolicy is the policy where nothing else is configured.
var DefaultPolicy = Policy{Default: 30 * time.Second, Min: 2 * time.Second, Max: time.Hour}

// ErrTTL is what every refusal of [Policy.Grant] matches.
var ErrTTL = errors.New("lease: ttl out of bounds")

// BoundsError is a refusal of [Policy.Grant]. Its text states the rule and is fit for a
// client.
type BoundsError struct {
	Asked, Max time.Duration
}

// Error states the rule with the numbers in it.
func (e *BoundsError) Error() string {
	if e.Asked <= 0 {
		return fmt.Sprintf("ttl must be more than 0 and at most %v, not %v", e.Max, e.Asked)
	}
	return fmt.Sprintf("ttl must be at most %v, not %v", e.Max, e.Asked)
}

// Unwrap lets a refusal match [ErrTTL].
func (e *BoundsError) Unwrap() error { return ErrTTL }

// Grant gives the TTL for a client that asked for one, or, with given false, for one
// that did not. Too little is raised to Min, since the client is told what it got;
// nothing, less than nothing and more than Max is a [*BoundsError].
func (p Policy) Grant(asked time.Duration, given bool) (time.Duration, error) {
	switch {
	case !given:
		return p.Default, nil
	case asked <= 0 || asked > p.Max:
		return 0, &BoundsError{Asked: asked, Max: p.Max}
	case asked < p.Min:
		return p.Min, nil
	}
	return asked, nil
}

// Validate reports every rule that the policy itself breaks.
func (p Policy) Validate() error {
	var errs []error
	if p.Min <= 0 {
		errs = append(errs, fmt.Errorf("lease policy: min must be more than 0, not %v", p.Min))
	}
	if p.Max < p.Min {
		errs = append(errs, fmt.Errorf("lease policy: max %v is below min %v", p.Max, p.Min))
	}
	if p.Default < p.Min || p.Default > p.Max {
		errs = append(errs, fmt.Errorf("lease policy: default %v is not between min %v and max %v", p.Default, p.Min, p.Max))
	}
	return errors.Join(errs...)
}
