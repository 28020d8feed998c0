package memory

// Compact forgets every change up to now, which a store in memory never does by itself
// before its log is full.
func (s *Store) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.log.first < s.log.next {
		s.log.drop()
	}
	s.log.floor = s.revision.Number
	s.log.announce()
}
