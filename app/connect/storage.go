package connect

import "github.com/lxzan/gws"

// storage makes a gws.SessionStorage of a type. It stores nothing.
type storage struct{}

var _ gws.SessionStorage = storage{}

// Len implements gws.SessionStorage.
func (storage) Len() int { return 0 }

// Load implements gws.SessionStorage.
func (storage) Load(string) (any, bool) { return nil, false }

// Delete implements gws.SessionStorage.
func (storage) Delete(string) {}

// Store implements gws.SessionStorage.
func (storage) Store(string, any) {}

// Range implements gws.SessionStorage.
func (storage) Range(func(string, any) bool) {}
