// Package svc has what the logic of this gateway works with.
package svc

import (
	ossv1 "parley/api/proto/oss/v1"
	"parley/oss"
)

// ServiceContext holds the clients of the services that the logic calls.
type ServiceContext struct {
	Storage ossv1.OSSServiceClient
	// Carrier moves bytes to the providers.
	Carrier oss.Carrier
}
