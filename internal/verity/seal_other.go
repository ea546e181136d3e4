//go:build !linux

package verity

import "os"

// Seal is ErrUnsupported: fs-verity is Linux's.
func Seal(*os.File) error { return ErrUnsupported }
