package redis

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	check := func(server *redistest.Server) string {
		f := open(t, Options{Addresses: []string{server.Addr()}})
		warnings, err := f.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, w := range warnings {
			if len(w.Text) < 40 {
				t.Errorf("%s says only %q", w.Name, w.Text)
			}
			names = append(names, w.Name)
		}
		return fmt.Sprint(names)
	}
	master := redistest.Start(t, redistest.Options{Policy: "noeviction", AppendOnly: true})
	if got := check(master); got != "[]" {
		t.Errorf("a good server: %s", got)
	}
	if got := check(master.Replica(t)); got != "[replica persistence]" {
		t.Errorf("a replica: %s", got)
	}
	if got := check(redistest.Start(t, redistest.Options{Policy: "allkeys-lru"})); got != "[maxmemory-policy persistence]" {
		t.Errorf("a cache: %s", got)
	}
	if got := check(redistest.Start(t, redistest.Options{AppendOnly: true, Args: []string{"--cluster-enabled", "yes"}})); got != "[cluster]" {
		t.Errorf("a cluster: %s", got)
	}
	old := warnings(map[string]string{"redis_version": "6.2.14", "maxmemory_policy": "noeviction"})
	if len(old) != 1 || old[0].Name != "version" || !strings.Contains(old[0].Text, "7.0 or later") {
		t.Errorf("an old version: %+v", old)
	}
	_, err := open(t, Options{Addresses: []string{"127.0.0.1:1"}}).Check(t.Context())
	var of *store.Error
	if !errors.Is(err, store.ErrUnavailable) || !errors.As(err, &of) || of.Op != "check" {
		t.Errorf("a server that is not there: %v", err)
	}
}
