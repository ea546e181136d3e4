package goproxy

import (
	"strings"

	"gostore/internal/release"
)

// ports are the platforms that Go has published toolchains for since they are modules.
const ports = `
aix/ppc64
darwin/amd64 darwin/arm64
dragonfly/amd64
freebsd/386 freebsd/amd64 freebsd/arm freebsd/arm64 freebsd/riscv64
illumos/amd64
linux/386 linux/amd64 linux/arm linux/arm64 linux/loong64 linux/mips linux/mips64 linux/mips64le linux/mipsle
linux/ppc64 linux/ppc64le linux/riscv64 linux/s390x
netbsd/386 netbsd/amd64 netbsd/arm netbsd/arm64
openbsd/386 openbsd/amd64 openbsd/arm openbsd/arm64 openbsd/ppc64 openbsd/riscv64
plan9/386 plan9/amd64 plan9/arm
solaris/amd64
windows/386 windows/amd64 windows/arm windows/arm64
`

// platforms returns the ports.
func platforms() []release.Platform {
	var list []release.Platform
	for _, port := range strings.Fields(ports) {
		os, arch, _ := strings.Cut(port, "/")
		list = append(list, release.Platform{OS: os, Arch: arch})
	}
	return list
}
