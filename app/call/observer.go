package call

// Observer is told of calls, each time once, by the service whose step it was.
type Observer interface {
	// Started is told of a call that rings.
	Started(kind Kind)
	// Ended is told of one that is over for everybody.
	Ended(outcome Outcome)
}

// Observe has o told from now on. It comes before anything else is asked of the
// service.
func (s *Service) Observe(o Observer) { s.observer = o }

// nobody observes nothing.
type nobody struct{}

func (nobody) Started(Kind)  {}
func (nobody) Ended(Outcome) {}

// tell tells of what a step, which is stored, made of a call.
func (s *Service) tell(c *Session) {
	if c.begins {
		s.observer.Started(c.Kind)
	}
	if c.ends {
		s.observer.Ended(c.Outcome)
	}
	c.begins, c.ends = false, false
}
