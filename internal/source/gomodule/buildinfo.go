package gomodule

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"gostore/internal/digest"
	"gostore/internal/release"
)

// checkProgram checks that a program says that it was built as the item says: with that toolchain, for that platform, of those modules. It
// catches what should be impossible, and toolchains that are not what they seem.
func checkProgram(item release.Item, m root, file string) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the build information of %q: %w", program(m.pkg), err)
	}
	lines := differences(item, m, info)
	if len(lines) == 0 {
		return nil
	}
	return &BuildError{
		Err: &digest.MismatchError{
			What: fmt.Sprintf("program %q (%d differences from the lock)", program(m.pkg), len(lines)), Want: "that of the lock", Got: "another",
		},
		Lines: lines,
	}
}

// differences returns what the build information of a program says and the lock does not, a line each, in the words of go version -m.
func differences(item release.Item, m root, info *debug.BuildInfo) []string {
	var lines []string
	expect := func(what, got, want string) {
		if got != want {
			lines = append(lines, fmt.Sprintf("%s\t%s, the lock says %s", what, got, want))
		}
	}
	expect("go", info.GoVersion, strings.Replace(item.With, "@", "", 1))
	expect("path", info.Path, m.pkg)
	expect("mod", info.Main.Path+" "+info.Main.Version+" "+info.Main.Sum, m.module+" "+m.version+" "+item.Archive.Digest.String())
	parts := partDigests(item.Parts)
	for _, d := range info.Deps {
		if d.Replace != nil {
			lines = append(lines, fmt.Sprintf("dep\t%s %s is replaced by %s %s", d.Path, d.Version, d.Replace.Path, d.Replace.Version))
			continue
		}
		want := "nothing of it"
		if h, ok := parts[d.Path+"@"+d.Version]; ok {
			want = d.Path + " " + d.Version + " " + h.String()
		}
		expect("dep", d.Path+" "+d.Version+" "+d.Sum, want)
	}
	cgo := "0"
	if slices.Contains(item.Flags, flagCgo) {
		cgo = "1"
	}
	wanted := map[string]string{"CGO_ENABLED": cgo, "GOOS": item.Platform.OS, "GOARCH": item.Platform.Arch, "-trimpath": "true", "GOAMD64": "v1", "GOARM64": "v8.0"}
	for _, s := range info.Settings {
		if want, ok := wanted[s.Key]; ok {
			expect("build", s.Key+"="+s.Value, s.Key+"="+want)
		}
	}
	return lines
}

// describe says what is known of a program that is not the locked one although it is made of the locked modules.
func describe(item release.Item, name string, size int64, f *os.File) []string {
	lines := []string{fmt.Sprintf("%s has %d bytes; it says of itself what the lock says:", name, size)}
	info, err := buildinfo.Read(f)
	if err != nil {
		return append(lines, err.Error())
	}
	line := fmt.Sprintf("%s, %s %s, %d other modules with the locked digests", info.GoVersion, info.Main.Path, info.Main.Version, len(info.Deps))
	for _, s := range info.Settings {
		line += ", " + s.Key + "=" + s.Value
	}
	lines = append(lines, line)
	if slices.Contains(item.Flags, flagCgo) {
		return append(lines, "it was built with the C compiler of this machine, which may be another one than where the lock was made")
	}
	return append(lines, "so the toolchain is not the one that the lock was made with, or either of the two builds was tampered with")
}
