package lease

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestPolicyGrant(t *testing.T) {
	p := Policy{Default: 30 * time.Second, Min: 2 * time.Second, Max: time.Hour}
	for _, tt := range []struct {
		name  string
		asked time.Duration
		given bool
		want  time.Duration // zero: refused
	}{
		{"absent", 0, false, 30 * time.Second},
		{"below min", time.Nanosecond, true, 2 * time.Second},
		{"min", 2 * time.Second, true, 2 * time.Second},
		{"between", 45 * time.Second, true, 45 * time.Second},
		{"max", time.Hour, true, time.Hour},
		{"over max", time.Hour + 1, true, 0},
		{"zero", 0, true, 0},
		{"negative", -time.Second, true, 0},
		{"most negative", math.MinInt64, true, 0},
		{"greatest", math.MaxInt64, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.Grant(tt.asked, tt.given)
			if got != tt.want || (err == nil) != (tt.want != 0) {
				t.Fatalf("Grant(%v, %v) = %v, %v; want %v", tt.asked, tt.given, got, err, tt.want)
			}
			if err == nil {
				return
			}
			var bounds *BoundsError
			if !errors.Is(err, ErrTTL) || !errors.As(err, &bounds) || bounds.Asked != tt.asked {
				t.Errorf("err = %#v", err)
			}
			if !strings.Contains(err.Error(), "1h0m0s") || !strings.Contains(err.Error(), tt.asked.String()) {
				t.Errorf("the refusal does not state the rule: %v", err)
			}
		})
	}
}

func TestPolicyValidate(t *testing.T) {
	if err := DefaultPolicy.Validate(); err != nil {
		t.Errorf("DefaultPolicy: %v", err)
	}
	for _, tt := range []struct {
		name   string
		policy Policy
		want   []string
	}{
		{"zero", Policy{}, []string{"min must be more than 0"}},
		{"max below min", Policy{Default: 5, Min: 5, Max: 4}, []string{"max 4ns is below min 5ns", "default 5ns is not between"}},
		{"default too low", Policy{Default: 1, Min: 2, Max: 4}, []string{"default 1ns is not between"}},
		{"all", Policy{Default: 9, Min: -1, Max: -2}, []string{"min must", "max -2ns", "default 9ns"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.policy.Validate()
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}
