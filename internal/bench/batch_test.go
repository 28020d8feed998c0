package bench

import (
	"strings"
	"testing"
)

func TestBatch(t *testing.T) {
	r := testRunner(t)
	f := newFake()
	w := fakeCrowd(t, r, f, 12)
	if err := r.batch(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	rows := summarise(r.report.Slices)
	if len(rows) != 1 || rows[0].Items != 12 || rows[0].Case != caseBatch || rows[0].Backend != BackendRedis || rows[0].Roster.RequestsPerSecond <= 0 {
		t.Errorf("rows %+v", rows)
	}

	f.mu.Lock()
	delete(f.services, crowdService(3))
	f.mu.Unlock()
	if err := r.batch(t.Context(), w); err == nil || !strings.Contains(err.Error(), "stays-000003") {
		t.Errorf("with one lost: %v", err)
	}
}
