//go:build !linux

package lease

import "time"

// Boottime gives nil: here the standard library reaches no clock that counts while the
// machine is suspended, and so suspends are not noticed.
func Boottime() func() time.Duration { return nil }
