package server

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// TestRequestsPerSecond: each identity has its own, and is told when to come back.
func TestRequestsPerSecond(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cfg := secure(f)
	cfg.Limits.RequestsPerSecond = 3
	n := serve(t, Options{Config: cfg})
	greedy, other := n.as(f, f.client("greedy"), 2), n.as(f, f.client("orders"), 2)
	answered, refused := 0, 0
	for range 30 {
		resp, data, err := greedy.try("GET", "/registry/services", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		switch resp.StatusCode {
		case 200:
			answered++
		case 429:
			refused++
			var p wire.Problem
			after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			if json.Unmarshal(data, &p) != nil || p.Code != wire.CodeRateLimited || err != nil || after != 1 {
				t.Fatalf("refused with %s, Retry-After %q", data, resp.Header.Get("Retry-After"))
			}
		default:
			t.Fatal(resp.Status)
		}
	}
	// The thirty take less than the eight seconds in which all would be answered.
	if answered < 3 || refused == 0 {
		t.Errorf("%d were answered, %d refused", answered, refused)
	}
	for range 3 {
		other.text(200, "/registry/services")
	}
	// Health checks are nobody's quota.
	for range 10 {
		greedy.text(200, "/ready")
	}
}
