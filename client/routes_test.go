package client

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// More services are asked for at once than are followed: no request is let go while it waits
// for its first answer, and in the end there are no more than that.
func TestTransportAsksForMoreThanItFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		g.cut(true, "*")
		tr := &Transport{Client: g.client("a"), Services: 2, Wait: time.Minute}
		defer tr.Close()
		answers := make(chan error, 5)
		ask := func(service string) {
			_, err := (&http.Client{Transport: tr}).Get("http://" + service + "/")
			answers <- err
		}
		for i := range cap(answers) {
			go ask(fmt.Sprint("s", i))
		}
		pass(time.Second)
		g.cut(false, "*")
		for range cap(answers) {
			ends(t, <-answers, ErrNoInstance)
		}
		ask("one")
		ends(t, <-answers, ErrNoInstance)
		synctest.Wait()
		if n := g.node.catalog.Stats().Subscribers; n != 2 {
			t.Errorf("%d services are followed, want 2", n)
		}
	})
}
