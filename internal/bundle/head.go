package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gostore/internal/digest"
	"gostore/internal/release"
	"gostore/internal/tree"
	"gostore/store"
)

// format is the version of the format that this package writes and reads.
const format = 1

// Limits of a bundle, see the package comment. Besides keeping a stranger from filling the memory they are far from
// what is met: the manifest of a Go toolchain has 1.2 MB, the head of 100 of them 50 KB.
const (
	maxHead      = 4 << 20
	maxManifest  = 32 << 20
	maxManifests = 256 << 20
	maxProof     = 64 << 10
	maxProofs    = 8 << 20
	maxObjects   = 10_000
	maxContents  = 500_000
	maxName      = 200  // of a proof
	maxFrom      = 4096 // bytes of the text that says where an archive came from
)

// head is the first member.
type head struct {
	Format   int      `json:"format"`
	Objects  []object `json:"objects"`
	Proofs   []proof  `json:"proofs,omitempty"`
	Contents int      `json:"contents"`
	Bytes    int64    `json:"bytes"`
}

// object is what the head says of an object.
type object struct {
	Tree     digest.Tree    `json:"tree"`
	Tool     string         `json:"tool"`
	Release  string         `json:"release"`
	Archive  digest.Archive `json:"archive,omitzero"`
	From     string         `json:"from,omitempty"`
	Refs     []digest.Tree  `json:"refs,omitempty"`
	Manifest int64          `json:"manifest"`
}

func (o object) String() string { return o.Tool + "@" + o.Release }

// proof is what the head says of a proof.
type proof struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Content string `json:"content"`
}

// encode returns the one spelling of h.
func (h head) encode() ([]byte, error) {
	data, err := json.MarshalIndent(h, "", "\t")
	return append(data, '\n'), err
}

// NewerError says that a bundle has a format that this program does not know.
type NewerError struct{ Format int }

func (e *NewerError) Error() string {
	return fmt.Sprintf("the bundle has format %d, this gostore knows format %d", e.Format, format)
}

// parseHead reads a head. It accepts only what encode writes for a head that keeps the rules.
func parseHead(data []byte) (head, error) {
	var version struct{ Format int }
	if err := json.Unmarshal(data, &version); err != nil {
		return head{}, err
	}
	if version.Format > format {
		return head{}, &NewerError{version.Format}
	}
	var h head
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return head{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return head{}, errors.New("something follows the JSON value")
	}
	if again, err := h.encode(); err != nil || !bytes.Equal(again, data) {
		return head{}, errors.New("is not spelled as a bundle's head is")
	}
	return h, h.check()
}

// check holds the rules for a head.
func (h head) check() error {
	switch {
	case h.Format != format:
		return fmt.Errorf("format %d is not known", h.Format)
	case len(h.Objects) == 0:
		return errors.New("lists no object")
	case len(h.Objects) > maxObjects:
		return fmt.Errorf("lists %d objects, more than %d", len(h.Objects), maxObjects)
	case h.Contents < 0 || h.Contents > maxContents:
		return fmt.Errorf("has %d contents, more than %d", h.Contents, maxContents)
	case h.Bytes < 0:
		return fmt.Errorf("has %d bytes of content", h.Bytes)
	}
	if err := h.checkObjects(); err != nil {
		return err
	}
	return h.checkProofs()
}

func (h head) checkObjects() error {
	earlier := make(map[digest.Tree]bool, len(h.Objects))
	archives := make(map[digest.Archive]bool)
	var total int64
	for _, o := range h.Objects {
		if err := o.check(earlier); err != nil {
			return fmt.Errorf("object %.100q: %w", o, err)
		}
		if !o.Archive.IsZero() && archives[o.Archive] {
			return fmt.Errorf("object %q: another has the same archive %s", o, o.Archive)
		}
		earlier[o.Tree], archives[o.Archive] = true, true
		if total += o.Manifest; total > maxManifests {
			return fmt.Errorf("the manifests have more than %d bytes together", maxManifests)
		}
	}
	return nil
}

// check holds the rules for one object, given those that stand before it.
func (o object) check(earlier map[digest.Tree]bool) error {
	if err := errors.Join(release.CheckTool(o.Tool), release.CheckVersion(o.Release)); err != nil {
		return err
	}
	switch {
	case o.Tree.IsZero():
		return errors.New("has no tree digest")
	case earlier[o.Tree]:
		return fmt.Errorf("tree %s occurs twice", o.Tree)
	case o.Manifest <= 0 || o.Manifest > maxManifest:
		return fmt.Errorf("has a manifest of %d bytes; at most %d are possible", o.Manifest, maxManifest)
	case len(o.From) > maxFrom || !utf8.ValidString(o.From) || strings.ContainsFunc(o.From, unicode.IsControl):
		return fmt.Errorf("comes from %.100q, which is too long or not printable", o.From)
	}
	if len(o.Refs) > 0 && o.Tool != store.Referring {
		return fmt.Errorf("refers to others, which only an %s may", store.Referring)
	}
	for i, ref := range o.Refs {
		if !earlier[ref] {
			return fmt.Errorf("refers to %s, which does not stand before it", ref)
		}
		if i > 0 && compareTrees(o.Refs[i-1], ref) >= 0 {
			return errors.New("lists what it refers to out of order")
		}
	}
	return nil
}

func (h head) checkProofs() error {
	var names tree.Names
	var total int64
	for i, p := range h.Proofs {
		if i > 0 && h.Proofs[i-1].Name >= p.Name {
			return fmt.Errorf("proof %.100q is out of order", p.Name)
		}
		if len(p.Name) > maxName {
			return fmt.Errorf("proof %.100q: the name has more than %d bytes", p.Name, maxName)
		}
		if err := names.Add(p.Name, tree.File); err != nil {
			return fmt.Errorf("proof %w", err)
		}
		if _, err := digest.ParseContent(p.Content); err != nil {
			return fmt.Errorf("proof %q: %w", p.Name, err)
		}
		if p.Size < 0 || p.Size > maxProof {
			return fmt.Errorf("proof %q: has %d bytes, more than %d", p.Name, p.Size, maxProof)
		}
		if total += p.Size; total > maxProofs {
			return fmt.Errorf("the proofs have more than %d bytes together", maxProofs)
		}
	}
	return nil
}

func compareTrees(a, b digest.Tree) int { return slices.Compare(a[:], b[:]) }
