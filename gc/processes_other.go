//go:build !linux

package gc

import "gostore/store"

// Processes returns no roots: this system does not show what other processes use. Leases, which
// the kernel keeps, protect what was entered through gostore.
func Processes(*store.Store) ([]Root, error) { return nil, nil }
