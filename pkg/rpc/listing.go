package rpc

import (
	"maps"
	"time"
)

// listing is what a client believes of the servers of a service: what etcd says, unless
// etcd seems to have lost its data. Then the servers enter themselves again, one after the
// other, within a lease; so long also those that were there before are believed in.
type listing struct {
	// believed are the addresses of the servers by their keys.
	believed map[string]string
	revision int64
	// kept are those from before a loss that have not entered again, which are
	// believed in until then.
	kept  map[string]string
	until time.Time
}

// hear takes what etcd says at a revision, and returns what is to be believed. That there
// is no server, or a revision older than one before, says that it has lost its data.
func (l *listing) hear(entries map[string]string, revision int64) map[string]string {
	if revision < l.revision || len(entries) == 0 && len(l.believed) > 0 {
		l.kept = maps.Clone(l.believed)
		l.until = time.Now().Add(leaseSeconds * time.Second)
	}
	l.revision = revision
	if time.Now().After(l.until) {
		l.kept = nil
	}
	for key := range entries {
		delete(l.kept, key) // from now on etcd says also when it goes
	}
	l.believed = maps.Clone(entries)
	maps.Copy(l.believed, l.kept)
	return l.believed
}
