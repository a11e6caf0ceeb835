// Package svc has what the logic of this gateway works with.
package svc

import (
	"golang.org/x/sync/semaphore"

	callv1 "parley/api/proto/call/v1"
	recordv1 "parley/api/proto/record/v1"
	"parley/record/sender"
)

// ServiceContext holds the clients of the services that the logic calls.
type ServiceContext struct {
	Records recordv1.RecordServiceClient
	Devices recordv1.DeviceServiceClient
	Calls   callv1.CallServiceClient
	// Pages bounds the bytes of the pages that are in memory at once.
	Pages *semaphore.Weighted
	// Sender carries messages to Records over its streams.
	Sender *sender.Sender
}
