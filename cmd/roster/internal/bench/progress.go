package bench

import "time"

// Progress is told what a run does. Its calls come one after the other.
type Progress interface {
	// Say tells what begins, or what went wrong.
	Say(text string)
	// Watch gives what tells how far the work is, in a few words, until it is given another
	// one or nil. It is called by the progress, from whichever goroutine, not too often.
	Watch(now func() string)
}

type silent struct{}

func (silent) Say(string)          {}
func (silent) Watch(func() string) {}

// watchCount shows a count until the function that it gives is called.
func (r *run) watchCount(what string, of int64, count func() int64) (done func()) {
	begun := time.Now()
	r.progress.Watch(func() string {
		n := count()
		return what + " " + grouped(n) + " of " + grouped(of) + ", " + grouped(int64(float64(n)/max(time.Since(begun).Seconds(), 1e-9))) + "/s"
	})
	return func() { r.progress.Watch(nil) }
}

// live tells of the meters while they measure: their rates since it was asked last.
func (r *run) live() func() string {
	last, at, begun := make([]int64, len(r.meters)), time.Now(), time.Now()
	return func() string {
		now := time.Now()
		text := now.Sub(begun).Round(time.Second).String()
		for i, m := range r.meters {
			done, failed := m.counts()
			text += ", " + m.name + " " + grouped(int64(float64(done-last[i])/max(now.Sub(at).Seconds(), 1e-9))) + "/s"
			if failed > 0 {
				text += " (" + grouped(failed) + " failed)"
			}
			last[i] = done
		}
		at = now
		return text
	}
}
