package registry

import "github.com/roster-sd/roster/store"

// ends minds the end of an override. It needs the mutex.
func (o *overrides) ends(rec *store.Record) {
	if until := untilOf(rec); until != 0 && (o.first == 0 || until < o.first) {
		o.first = until
		o.nudge()
	}
}

// untilOf is when the time of an override is over; 0: never.
func untilOf(rec *store.Record) store.Millis {
	if rec == nil || rec.Instance.Override == nil {
		return 0
	}
	return rec.Instance.Override.Until
}

// over gives those whose time ended at a moment or before, each once.
func (o *overrides) over(at store.Millis) (keys []store.Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.first == 0 || o.first > at {
		return nil
	}
	o.first = 0
	for key, known := range o.at {
		switch until := untilOf(known.rec); {
		case until == 0:
		case until <= at:
			keys = append(keys, key)
		case o.first == 0 || until < o.first:
			o.first = until
		}
	}
	return keys
}

// overAgain has over give those that it gave once more.
func (o *overrides) overAgain(store.Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.first = 1
}

// nextEnd is a moment before which the time of none of them is over; 0: there is none.
func (o *overrides) nextEnd() store.Millis {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.first
}

// news holds a token while there may be something to do.
func (o *overrides) news() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bell()
}

// bell needs the mutex, as do owes and nudge.
func (o *overrides) bell() chan struct{} {
	if o.wake == nil {
		o.wake = make(chan struct{}, 1)
	}
	return o.wake
}

func (o *overrides) nudge() {
	select {
	case o.bell() <- struct{}{}:
	default: // it is already told
	}
}

func (o *overrides) owes(key store.Key) {
	if o.owed == nil {
		o.owed = map[store.Key]struct{}{}
	}
	o.owed[key] = struct{}{}
	o.nudge()
}

// owe has the instance of an override settled soon.
func (o *overrides) owe(key store.Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owes(key)
}

// again is owe for what was tried just now: nobody is woken for it.
func (o *overrides) again(key store.Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owed == nil {
		o.owed = map[store.Key]struct{}{}
	}
	o.owed[key] = struct{}{}
}

func (o *overrides) takeOwed() []store.Key {
	o.mu.Lock()
	defer o.mu.Unlock()
	keys := make([]store.Key, 0, len(o.owed))
	for key := range o.owed {
		keys = append(keys, key)
	}
	o.owed = nil // it may be large
	return keys
}

// takeSweep tells whether all instances are to be looked at, which the caller then does.
func (o *overrides) takeSweep() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	sweep := !o.swept && !o.seen.IsZero()
	o.swept = o.swept || sweep
	return sweep
}

func (o *overrides) oweSweep() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.swept = false
}
