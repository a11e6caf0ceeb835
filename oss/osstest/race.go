//go:build race

package osstest

// racing says that the race detector is on, with which a GiB takes too long.
const racing = true
