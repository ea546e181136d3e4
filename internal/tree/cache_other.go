//go:build !linux

package tree

// Systems without a way to ask for it keep what was read in their page cache.
func uncached(int) bool { return false }

func dropCache(int) {}

// sealed: fs-verity is Linux's.
func sealed(int) bool { return false }
