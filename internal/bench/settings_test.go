package bench

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/roster-sd/roster/internal/bench/machine"
)

func TestSettingsWithoutMetrics(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	got := withMetrics(t.Context(), Settings{Server: ServerRoster}, newAPI(s.URL, nil))
	if want := (Settings{Server: ServerRoster, GOGC: machine.Unknown, GOMEMLIMIT: machine.Unknown, GOMAXPROCS: machine.Unknown}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
