// Package rpc is how Parley's services are offered and called. A service is
// written once against the interfaces that protoc-gen-go-grpc makes; whether a
// call crosses the network is decided where the process is put together:
//
//   - in the same process it goes through an in-process channel, which copies
//     messages and keeps deadlines, metadata and status details as a network
//     would, but has no socket and no encoding;
//   - else it goes through zrpc, go-zero's client, with its load balancing,
//     breaker and service discovery.
//
// Both forms have the same errors, traces and time-outs, because these are
// made here and not by either transport. The package knows no service.
package rpc
