package upstream

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"
)

// goScript is bin/go. It answers what tests ask of a toolchain:
//
//	go version        as the real one
//	go env NAME…      GOROOT, GOVERSION, or a variable of its environment
//	go exit N         exits with N
//	go wait           lives until its standard input ends
//	go echo …         prints its arguments
//	go build …        builds nothing
//	go tool dist list -json   three platforms
//
// Before Go 1.9 a go command does not find its own tree: GOROOT is what the environment says.
const goScript = `#!/bin/sh
PATH="$PATH:/usr/bin:/bin"
goroot() {
	if [ -n "%[4]s" ]; then
		echo "${GOROOT:-/usr/local/go}"
		return
	fi
	(cd "$(dirname "$(readlink -f "$0")")/.." && pwd -P)
}
case "$1" in
version) echo "go version go%[1]s %[2]s/%[3]s" ;;
env)
	shift
	for name; do
		case "$name" in
		GOROOT) goroot ;;
		GOVERSION) echo "go%[1]s" ;;
		*) eval "printf '%%s\n' \"\${$name-}\"" ;;
		esac
	done
	;;
exit) exit "$2" ;;
wait) cat >/dev/null ;;
echo) shift; echo "$@" ;;
build|test|vet|mod) ;;
tool) echo '[{"GOOS":"linux","GOARCH":"amd64","CgoSupported":true},{"GOOS":"linux","GOARCH":"arm64","CgoSupported":true},{"GOOS":"plan9","GOARCH":"arm","CgoSupported":false}]' ;;
*) echo "go $1: unknown command" >&2; exit 2 ;;
esac
`

// Files returns the files of a toolchain, named as in its module zip without the prefix.
func Files(key string, padding int) map[string][]byte {
	version, platform := cutKey(key)
	goos, arch, _ := strings.Cut(platform, "-")
	old := ""
	for minor := range 9 {
		if v := fmt.Sprintf("1.%d", minor); version == v || strings.HasPrefix(version, v+".") {
			old = "old"
		}
	}
	exe := ""
	if goos == "windows" {
		exe = ".exe"
	}
	tools := "pkg/tool/" + goos + "_" + arch + "/"
	script := func(text string) []byte { return []byte("#!/bin/sh\n" + text + "\n") }
	return map[string][]byte{
		"VERSION":                  []byte("go" + version + "\n"),
		"LICENSE":                  []byte("Made for tests; do as you like.\n"),
		"go.env":                   []byte("GOTOOLCHAIN=auto\n"),
		"bin/go" + exe:             fmt.Appendf(nil, goScript, version, goos, arch, old),
		"bin/gofmt" + exe:          script("cat"),
		tools + "compile" + exe:    append(script("echo compile version go"+version+"; exit"), noise(platform+version, 20<<10)...),
		tools + "link" + exe:       append(script("echo link; exit"), noise(platform, 12<<10)...),
		"lib/wasm/go_js_wasm_exec": script("exit 0"),
		"lib/wasm/wasm_exec.js":    []byte("// nothing\n"),
		"lib/time/zoneinfo.zip":    noise("zoneinfo", 32<<10),
		"src/_go.mod":              []byte("module std\n\ngo " + version + "\n"),
		"src/cmd/_go.mod":          []byte("module cmd\n\ngo " + version + "\n"),
		"src/empty.go":             {},
		"src/make.bash":            script("exit 0"),
		"src/fmt/print.go":         []byte("package fmt\n" + strings.Repeat("// the same in every version\n", 700)),
		"src/runtime/proc.go":      []byte("package runtime\n" + strings.Repeat("// go"+version+"\n", 1200)),
		"src/padding.bin":          noise("padding"+key, padding),
	}
}

// cutKey splits "1.22.6.linux-amd64" into "1.22.6" and "linux-amd64".
func cutKey(key string) (version, platform string) {
	i := strings.LastIndexByte(key, '.')
	return key[:i], key[i+1:]
}

// noise returns n bytes that do not compress and depend on seed only.
func noise(seed string, n int) []byte {
	sum := sha256.Sum256([]byte(seed))
	r := rand.NewChaCha8(sum)
	data := make([]byte, n)
	for i := 0; i+8 <= n; i += 8 {
		binary.LittleEndian.PutUint64(data[i:], r.Uint64())
	}
	return data
}

// Zip returns the module zip of a toolchain, such as "1.22.6.linux-amd64".
func Zip(key string, padding int) []byte {
	return ZipFiles(module+"@v0.0.1-go"+key+"/", Files(key, padding))
}

// ZipFiles returns a zip of files in the order of their names, each below prefix.
func ZipFiles(prefix string, files map[string][]byte) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(prefix + name)
		if err != nil {
			panic(err) // writing to memory does not fail
		}
		if _, err := f.Write(files[name]); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// HashZip returns the h1 digest of a zip's files, "" when data is no zip.
func HashZip(data []byte) string {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return ""
	}
	files := map[string][]byte{}
	for _, f := range r.File {
		rc, err := f.Open()
		if err != nil {
			return ""
		}
		content, err := io.ReadAll(rc)
		if err != nil {
			return ""
		}
		files[f.Name] = content
	}
	return hash1(files)
}

func hash1(files map[string][]byte) string {
	h, err := dirhash.Hash1(slices.Collect(maps.Keys(files)), func(name string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files[name])), nil
	})
	if err != nil {
		panic(err) // names without newlines and contents in memory do not fail
	}
	return h
}
