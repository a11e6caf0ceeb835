//go:build race

package e2e

// racing says that the race detector watches, for which every byte is work: then
// files are smaller, and the fakes of clouds run less often (see unwatched).
const racing = true
