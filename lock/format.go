package lock

import (
	"bytes"
	"maps"
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
// version; platforms by name, each on a line of its own; vendor directories last, by path.
func (f *File) Format() []byte {
	var b bytes.Buffer
	b.WriteString(header)
	b.WriteString("version = " + strconv.Itoa(Version) + "\n")
	for _, t := range slices.SortedFunc(slices.Values(f.Tools), Tool.compare) {
		formatTool(&b, t)
	}
	formatVendor(&b, f.Vendor)
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
	formatMaking(b, t)
	formatLayout(b, t.Layout)
	b.WriteString("\n[tool.platforms]\n")
	for _, p := range sortedPlatforms(t) {
		a := t.Platforms[p]
		b.WriteString(quote(p.String()) + " = { from = " + quote(a.From) + ", archive = " + quote(a.Digest.String()))
		if !a.Logged.IsZero() {
			b.WriteString(", logged = " + quote(a.Logged.String()))
		}
		if a.Size != 0 {
			b.WriteString(", size = " + strconv.FormatInt(a.Size, 10))
		}
		if !a.Tree.IsZero() {
			b.WriteString(", tree = " + quote(a.Tree.String()))
		}
		b.WriteString(" }\n")
	}
	if len(t.Parts) == 0 {
		return
	}
	b.WriteString("\n[tool.parts]\n")
	for _, part := range slices.SortedFunc(slices.Values(t.Parts), release.Part.Compare) {
		b.WriteString(quote(part.Name) + " = " + quote(part.Digest.String()) + "\n")
	}
}

// formatMaking writes where a release is from and how it is made, as far as there is something to say.
func formatMaking(b *bytes.Buffer, t Tool) {
	if t.Origin != "" {
		b.WriteString("origin = " + quote(t.Origin) + "\n")
	}
	if t.FirstUse {
		b.WriteString("first-use = true\n")
	}
	if t.With != "" {
		b.WriteString("with = " + quote(t.With) + "\n")
	}
	formatList(b, "flags", slices.Sorted(slices.Values(t.Flags)))
}

// formatLayout writes a layout as far as it says something.
func formatLayout(b *bytes.Buffer, l release.Layout) {
	var body bytes.Buffer
	formatList(&body, "bin", l.Dirs)
	formatMap(&body, "commands", l.Names)
	if l.Runner != "" {
		body.WriteString("runner = " + quote(l.Runner) + "\n")
	}
	formatMap(&body, "env", l.Set)
	formatList(&body, "unset", l.Unset)
	formatList(&body, "check", l.Check)
	if l.CheckWant != "" {
		body.WriteString("says = " + quote(l.CheckWant) + "\n")
	}
	if body.Len() > 0 {
		b.WriteString("\n[tool.layout]\n")
		b.Write(body.Bytes())
	}
}

func formatList(b *bytes.Buffer, key string, list []string) {
	if len(list) == 0 {
		return
	}
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	b.WriteString(key + " = [" + strings.Join(quoted, ", ") + "]\n")
}

func formatMap(b *bytes.Buffer, key string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	var fields []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fields = append(fields, quote(k)+" = "+quote(m[k]))
	}
	b.WriteString(key + " = { " + strings.Join(fields, ", ") + " }\n")
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
