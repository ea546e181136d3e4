package bundle

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"gostore/internal/digest"
)

func TestNewerBundle(t *testing.T) {
	tar := slices.Concat(must(memberHeader(headName, 13)), []byte("{\"format\": 2}"), make([]byte, 499))
	_, err := Read(t.Context(), bytes.NewReader(sealed(packed(t, tar, 5000)...)), openStore(t), Options{})
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Format != 2 {
		t.Errorf("%v; want that the format is newer", err)
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

func TestHeadIsChecked(t *testing.T) {
	tree := digest.Tree{1}
	good := object{Tree: tree, Tool: "go", Release: "1", Manifest: 100}
	other := object{Tree: digest.Tree{2}, Tool: "environment", Release: "1", Manifest: 100, Refs: []digest.Tree{tree}}
	if err := (head{Format: 1, Objects: []object{good, other}}).check(); err != nil {
		t.Fatal(err)
	}
	change := func(change func(*object)) []object {
		o := good
		change(&o)
		return []object{o}
	}
	archive := digest.SHA256(nil)
	for what, objects := range map[string][]object{
		"none":              nil,
		"no tree":           change(func(o *object) { o.Tree = digest.Tree{} }),
		"tool":              change(func(o *object) { o.Tool = "../go" }),
		"release":           change(func(o *object) { o.Release = "1/2" }),
		"no manifest":       change(func(o *object) { o.Manifest = 0 }),
		"large manifest":    change(func(o *object) { o.Manifest = maxManifest + 1 }),
		"from":              change(func(o *object) { o.From = "a\x1b[2J" }),
		"long from":         change(func(o *object) { o.From = strings.Repeat("x", maxFrom+1) }),
		"refers to itself":  change(func(o *object) { o.Refs = []digest.Tree{tree} }),
		"before":            {other, good},
		"refs twice":        {good, {Tree: digest.Tree{2}, Tool: "environment", Release: "1", Manifest: 1, Refs: []digest.Tree{tree, tree}}},
		"no environment":    {good, {Tree: digest.Tree{2}, Tool: "x", Release: "1", Manifest: 1, Refs: []digest.Tree{tree}}},
		"twice":             {good, good},
		"one archive twice": {{Tree: tree, Tool: "a", Release: "1", Manifest: 1, Archive: archive}, {Tree: digest.Tree{3}, Tool: "a", Release: "1", Manifest: 1, Archive: archive}},
	} {
		if err := (head{Format: 1, Objects: objects}).check(); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	for what, h := range map[string]head{
		"format":   {Objects: []object{good}},
		"contents": {Format: 1, Objects: []object{good}, Contents: maxContents + 1},
		"negative": {Format: 1, Objects: []object{good}, Contents: -1},
		"bytes":    {Format: 1, Objects: []object{good}, Bytes: -1},
		"proof":    {Format: 1, Objects: []object{good}, Proofs: []proof{{"../x", 1, strings.Repeat("0", 64)}}},
		"digest":   {Format: 1, Objects: []object{good}, Proofs: []proof{{"x", 1, "0"}}},
		"size":     {Format: 1, Objects: []object{good}, Proofs: []proof{{"x", maxProof + 1, strings.Repeat("0", 64)}}},
		"order":    {Format: 1, Objects: []object{good}, Proofs: []proof{{"x", 1, strings.Repeat("0", 64)}, {"a", 1, strings.Repeat("0", 64)}}},
	} {
		if err := h.check(); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	data, _ := head{Format: 1, Objects: []object{good}}.encode()
	if _, err := parseHead(data); err != nil {
		t.Error(err)
	}
	for what, bad := range map[string][]byte{
		"space":        append(bytes.Clone(data), ' '),
		"another":      append(bytes.Clone(data), data...),
		"other case":   bytes.Replace(data, []byte("format"), []byte("Format"), 1),
		"unknown":      bytes.Replace(data, []byte(`"format": 1`), []byte("\"format\": 1,\n\t\"x\": 1"), 1),
		"twice a key":  bytes.Replace(data, []byte(`"format": 1`), []byte("\"format\": 1,\n\t\"format\": 1"), 1),
		"not indented": bytes.ReplaceAll(data, []byte("\t"), nil),
		"empty":        nil,
	} {
		if _, err := parseHead(bad); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func FuzzParseHead(f *testing.F) {
	data, _ := head{Format: 1, Objects: []object{{Tree: digest.Tree{1}, Tool: "go", Release: "1", Manifest: 100}}}.encode()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseHead(data)
		if err != nil {
			return
		}
		if again, err := h.encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q became %q, %v", data, again, err)
		}
	})
}
