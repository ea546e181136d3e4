package bundle

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"gostore/internal/digest"
	"gostore/internal/tree"
	"gostore/store"
)

// crafted is an object as a stranger may make it.
type crafted struct {
	object
	entries []tree.Entry
}

// craft makes a bundle that keeps the format, but not necessarily its rules. texts are what is in the files.
func craft(t *testing.T, objects []crafted, change func(*head), texts ...string) []byte {
	t.Helper()
	h := head{Format: format}
	var manifests, tar []byte
	met := make(contents)
	var files []byte
	for _, o := range objects {
		m, err := tree.New(o.entries)
		if err != nil {
			t.Fatal(err)
		}
		o.object.Tree, o.object.Manifest = m.Digest(), int64(len(m.Bytes()))
		h.Objects = append(h.Objects, o.object)
		manifests = appendMember(manifests, manifestName(m.Digest()), m.Bytes())
		for e := range met.fresh(m) {
			i := slices.IndexFunc(texts, func(s string) bool { return digest.Sum([]byte(s)) == e.Content })
			files = appendMember(files, contentName(e.Content), []byte(texts[i]))
			h.Contents++
			h.Bytes += int64(len(texts[i]))
		}
	}
	if change != nil {
		change(&h)
	}
	data := must(h.encode())
	tar = appendMember(tar, headName, data)
	return sealed(packed(t, slices.Concat(tar, manifests, files, zeros[:]), frameSize)...)
}

func appendMember(b []byte, name string, data []byte) []byte {
	b = append(b, must(memberHeader(name, int64(len(data))))...)
	b = append(b, data...)
	return append(b, zeros[:padding(int64(len(data)))]...)
}

// textFile is a file as a manifest lists it.
func textFile(path, text string) tree.Entry {
	return tree.Entry{Path: path, Kind: tree.File, Content: digest.Sum([]byte(text)), Size: int64(len(text))}
}

// tool is an object of files.
func tool(name string, entries ...tree.Entry) crafted {
	return crafted{object{Tool: name, Release: "1"}, entries}
}

// What keeps the format and is sealed rightly is still refused where it breaks a rule.
func TestCraftedBundles(t *testing.T) {
	ok := openStore(t)
	if _, err := Read(t.Context(), bytes.NewReader(craft(t, []crafted{tool("a", textFile("x", "x"))}, nil, "x")), ok, Options{}); err != nil {
		t.Fatal(err)
	}
	wrongSize := textFile("x", "x")
	wrongSize.Size = 2
	stranger := store.NewObject(digest.Tree{9}, "go", "1")
	for what, data := range map[string][]byte{
		"a link out of the tree":   craft(t, []crafted{tool("a", tree.Entry{Path: "l", Kind: tree.Link, Target: "../../../etc/passwd"})}, nil),
		"a link to another object": craft(t, []crafted{tool("a", tree.Entry{Path: "l", Kind: tree.Link, Target: "../" + stranger.Base()})}, nil),
		"two sizes of a content":   craft(t, []crafted{tool("a", textFile("x", "x")), tool("b", wrongSize)}, func(h *head) { h.Bytes++ }, "x"),
		"fewer contents stated":    craft(t, []crafted{tool("a", textFile("x", "x"), textFile("y", "y"))}, func(h *head) { h.Contents-- }, "x", "y"),
		"more contents stated":     craft(t, []crafted{tool("a", textFile("x", "x"))}, func(h *head) { h.Contents++ }, "x"),
		"fewer bytes stated":       craft(t, []crafted{tool("a", textFile("x", "x"))}, func(h *head) { h.Bytes-- }, "x"),
		"more bytes stated":        craft(t, []crafted{tool("a", textFile("x", "x"))}, func(h *head) { h.Bytes++ }, "x"),
		"another tree":             craft(t, []crafted{tool("a", textFile("x", "x"))}, func(h *head) { h.Objects[0].Tree[0]++ }, "x"),
		"another tool":             craft(t, []crafted{tool("a", textFile("x", "x"))}, func(h *head) { h.Objects[0].Tool = "../../x" }, "x"),
		"a proof that is not there": craft(t, []crafted{tool("a", textFile("x", "x"))}, func(h *head) {
			h.Proofs = []proof{{"p", 1, digest.Sum([]byte("p")).Hex()}}
		}, "x"),
	} {
		t.Run(what, func(t *testing.T) { refused(t, openStore(t), what, data) })
	}
}

// A manifest that belongs to another tree is refused, also where it has the stated size.
func TestManifestOfAnotherTree(t *testing.T) {
	data := craft(t, []crafted{tool("a", textFile("x", "x"))}, nil, "x")
	tar := unpacked(t, data)
	tar = bytes.Replace(tar, []byte(" 1 x\n"), []byte(" 1 y\n"), 1)
	got := refused(t, openStore(t), "manifest", sealed(packed(t, tar, 5000)...))
	if !strings.HasPrefix(got.Member, metaDir) {
		t.Errorf("%v", got)
	}
}

// A content that is too large for the memory is checked as the others are.
func TestLargeContentIsChecked(t *testing.T) {
	large := noise(30, smallContent+1)
	data := craft(t, []crafted{tool("a", textFile("x", large))}, nil, large)
	ok := openStore(t)
	if _, err := Read(t.Context(), bytes.NewReader(data), ok, Options{}); err != nil {
		t.Fatal(err)
	}
	tar := unpacked(t, data)
	tar[bytes.Index(tar, []byte(large[:100]))+smallContent/2] ^= 1
	to := openStore(t)
	if got := refused(t, to, "content", sealed(packed(t, tar, 100_000)...)); got.Member != contentName(digest.Sum([]byte(large))) {
		t.Errorf("%v", got)
	}
	// What was spooled of it is not taken for the content.
	if _, err := Read(t.Context(), bytes.NewReader(data), to, Options{}); err != nil {
		t.Fatal(err)
	}
	objects, err := to.Objects()
	if err != nil {
		t.Fatal(err)
	}
	wantObjects(t, to, objects...)
}

// A few bytes cannot become a full disk.
func TestRatioIsLimited(t *testing.T) {
	l := newLine()
	s := stream{ctx: context.Background(), line: l}
	zero := make([]byte, frameSize)
	var about *formatError
	for i := range freeSize/frameSize + 1 {
		f, _ := l.empty(s.ctx)
		f.offset, f.in, f.out = int64(100*i), zero[:100], zero
		l.ordered <- f
		f.done <- struct{}{}
		_, err := s.Read(zero)
		if errors.As(err, &about) != (i == freeSize/frameSize) {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
}
