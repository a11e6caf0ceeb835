// Package svc has what the logic of this gateway works with.
package svc

// ServiceContext holds the clients of the services that the logic calls.
type ServiceContext struct{}
