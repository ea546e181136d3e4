//go:build !linux && !darwin

package priority

import "errors"

// Lower is errors.ErrUnsupported here.
func Lower() error { return errors.ErrUnsupported }
