package verity

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"gostore/internal/sys"
)

// From linux/fsverity.h.
const (
	enableVersion = 1 // fsverity_enable_arg.version
	sha256        = 1 // FS_VERITY_HASH_ALG_SHA256
)

// Ioctl is ioctl(2) with a pointer.
type Ioctl func(fd int, request uint, arg unsafe.Pointer) error

// Kernel is the kernel's.
func Kernel(fd int, request uint, arg unsafe.Pointer) error {
	return sys.Ioctl(fd, request, arg)
}

// Seal seals a file that is open for reading, and that nobody has open for writing. One that is sealed already, or that somebody else is sealing,
// is no error. ErrUnsupported says that no file there can be.
//
// The kernel asks for write permission on the file, though not on the descriptor (EACCES): the owner of a read-only file who is not
// root gives it to himself meanwhile. A crash leaves the file with it, which changes nothing that a tree digest covers.
func Seal(f *os.File) error { return SealBy(f, Kernel) }

// SealBy is Seal with another ioctl.
func SealBy(f *os.File, ioctl Ioctl) error {
	fd := int(f.Fd())
	err := enable(fd, ioctl)
	if errors.Is(err, unix.EACCES) && !sealed(fd, ioctl) {
		err = enableWritable(fd, ioctl)
	} else if errors.Is(err, unix.EACCES) {
		err = nil
	}
	switch {
	case err == nil, errors.Is(err, unix.EEXIST), errors.Is(err, unix.EBUSY):
		return nil
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
		return ErrUnsupported
	}
	return &os.PathError{Op: "sealing", Path: f.Name(), Err: err}
}

// enable is FS_IOC_ENABLE_VERITY with SHA-256, in blocks of 4 KiB or, where the kernel demands them (before Linux 6.3), of a page.
func enable(fd int, ioctl Ioctl) error {
	arg := unix.FsverityEnableArg{Version: enableVersion, Hash_algorithm: sha256, Block_size: 4096}
	err := ioctl(fd, unix.FS_IOC_ENABLE_VERITY, unsafe.Pointer(&arg))
	if page := os.Getpagesize(); errors.Is(err, unix.EINVAL) && page != 4096 {
		arg.Block_size = uint32(page)
		err = ioctl(fd, unix.FS_IOC_ENABLE_VERITY, unsafe.Pointer(&arg))
	}
	return err
}

// enableWritable is enable for a file that its owner may not write to.
func enableWritable(fd int, ioctl Ioctl) error {
	var st unix.Stat_t
	if err := sys.Fstat(fd, &st); err != nil {
		return err
	}
	mode := st.Mode & 0o7777
	if err := sys.Fchmod(fd, mode|0o200); err != nil {
		return err
	}
	return errors.Join(enable(fd, ioctl), sys.Fchmod(fd, mode))
}

// sealed reports whether a file is sealed: FS_IOC_MEASURE_VERITY returns its digest.
func sealed(fd int, ioctl Ioctl) bool {
	var arg struct {
		unix.FsverityDigest
		digest [64]byte
	}
	arg.Size = uint16(len(arg.digest))
	return ioctl(fd, unix.FS_IOC_MEASURE_VERITY, unsafe.Pointer(&arg)) == nil
}
