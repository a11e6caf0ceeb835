// Package oss has the rules of object storage: which keys there may be, who
// owns an object, and how an upload goes from its start to its end. It is the
// control plane of the storage. The bytes of objects do not pass through it: it
// signs requests, on which the gateway moves them to a provider.
//
// The package knows no cloud, no SQL and no HTTP. Providers adapt the clouds, the
// Store keeps who owns what, and a Carrier moves bytes.
package oss
