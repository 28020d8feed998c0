package main

import "testing"

func TestBallastIsTheOperatorsToRefuse(t *testing.T) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		ballast = nil
		ballasted(func(key string) string {
			if key == name {
				return "100"
			}
			return ""
		})
		if ballast != nil {
			t.Errorf("taken although %s is set", name)
		}
	}
	ballasted(func(string) string { return "" })
	if len(ballast) != ballastSize {
		t.Errorf("%d bytes, want %d", len(ballast), ballastSize)
	}
	ballast = nil
}
