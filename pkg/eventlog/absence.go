package eventlog

// absence is what was read about somebody who had no place in a group.
type absence struct {
	// after is where the question began: it says nothing about what he was
	// in the group before.
	after Position
	// asOf is the head up to which it was true.
	asOf Position
}

// absences remembers absences, and forgets the older half when there are too
// many. They may be forgotten at any time: they only spare a question.
type absences struct {
	older, new map[seat]absence
}

// maxAbsences bounds half of an absences, and so its memory to about 10 MB.
const maxAbsences = 32 << 10

func (a *absences) get(s seat) (absence, bool) {
	found, ok := a.new[s]
	if !ok {
		found, ok = a.older[s]
	}
	return found, ok
}

func (a *absences) put(s seat, found absence) {
	if len(a.new) >= maxAbsences {
		a.older, a.new = a.new, nil
	}
	if a.new == nil {
		a.new = make(map[seat]absence)
	}
	a.new[s] = found
}
