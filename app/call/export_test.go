package call

import "time"

// SetClock sets what the service takes for the time.
func (s *Service) SetClock(clock func() time.Time) { s.clock = clock }
