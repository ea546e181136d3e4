package sys

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// No descriptor is kept, whatever is asked for.
func TestReserve(t *testing.T) {
	next := func() int {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		return fd
	}
	before := next()
	for _, n := range []int{0, fewDescriptors, 3000, 1 << 30} {
		if Reserve(n); next() != before {
			t.Errorf("after %d a descriptor is left", n)
		}
	}
}
