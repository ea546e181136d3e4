package lock

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"gostore/internal/release"
)

// header tells a reviewer what the file is.
const header = `# gostore.lock: the exact tools of this project and the digests of their archives.
# Written by "gostore lock"; commit it. After a merge conflict, or to update, run "gostore lock".
`

// Format returns the canonical form: tools by name, the primary one before the extras, these by
// version; platforms by name, each on a line of its own.
func (f *File) Format() []byte {
	var b bytes.Buffer
	b.WriteString(header)
	b.WriteString("version = " + strconv.Itoa(Version) + "\n")
	for _, t := range slices.SortedFunc(slices.Values(f.Tools), Tool.compare) {
		formatTool(&b, t)
	}
	return b.Bytes()
}

func formatTool(b *bytes.Buffer, t Tool) {
	b.WriteString("\n[[tool]]\n")
	for _, field := range [][2]string{{"name", t.Name}, {"request", t.Request}, {"version", t.Version}, {"source", t.Source}} {
		b.WriteString(field[0] + " = " + quote(field[1]) + "\n")
	}
	if t.Extra {
		b.WriteString("extra = true\n")
	}
	b.WriteString("\n[tool.platforms]\n")
	for _, p := range sortedPlatforms(t) {
		a := t.Platforms[p]
		b.WriteString(quote(p.String()) + " = { from = " + quote(a.From) + ", archive = " + quote(a.Digest.String()))
		if a.Size != 0 {
			b.WriteString(", size = " + strconv.FormatInt(a.Size, 10))
		}
		if !a.Tree.IsZero() {
			b.WriteString(", tree = " + quote(a.Tree.String()))
		}
		b.WriteString(" }\n")
	}
}

func sortedPlatforms(t Tool) []release.Platform {
	platforms := make([]release.Platform, 0, len(t.Platforms))
	for p := range t.Platforms {
		platforms = append(platforms, p)
	}
	slices.SortFunc(platforms, release.Platform.Compare)
	return platforms
}

// quoter escapes what a basic string of TOML cannot hold as it is; Parse lets no control
// characters into a File.
var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quote(s string) string { return `"` + quoter.Replace(s) + `"` }
