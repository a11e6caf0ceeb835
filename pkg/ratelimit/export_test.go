package ratelimit

import "time"

// Trip makes l believe that Redis has failed again and again, and that it is time to
// try once more.
func Trip(l *Limiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.circuit = circuit{failures: patience, again: time.Now()}
}
