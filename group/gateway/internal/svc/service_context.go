// Package svc has what the logic of this gateway works with.
package svc

import groupv1 "parley/api/proto/group/v1"

// ServiceContext holds the clients of the services that the logic calls.
type ServiceContext struct {
	Groups groupv1.GroupServiceClient
}
