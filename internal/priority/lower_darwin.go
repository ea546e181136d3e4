package priority

import (
	"os"

	"golang.org/x/sys/unix"
)

// From sys/resource.h: a whole process, which is put into the background for the processor, the disk and the network.
const (
	prioDarwinProcess = 4
	prioDarwinBG      = 0x1000
)

// Lower puts this process into the background: it runs and reads when nobody else wants to.
func Lower() error {
	return os.NewSyscallError("setpriority", unix.Setpriority(prioDarwinProcess, 0, prioDarwinBG))
}
