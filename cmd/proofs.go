package cmd

import (
	"errors"
	"slices"
	"strings"

	"gostore/internal/bundle"
	"gostore/internal/digest"
	"gostore/internal/source/goproxy"
	"gostore/store"
)

// Proofs of the checksum database travel in bundles under the names of what they prove, below this directory.
const proofDir = "sumdb/"

// proofs returns the proof that the checksum database knows what an object came from, where one is kept.
func (a *app) proofs(info store.Info) ([]bundle.File, error) {
	source, err := a.source(sourceProxy)
	if err != nil {
		return nil, err
	}
	data, ok := source.(*proxySource).Proof(info.From)
	if !ok {
		return nil, nil
	}
	return []bundle.File{{Name: proofDir + info.From, Data: data}}, nil
}

// vouch judges what a bundle says about where an object came from. For a toolchain from a module proxy the h1 is computed anew from
// the tree; it has to be the one that the bundle says and the one that the checksum database states.
func (a *app) vouch(c bundle.Claim) (string, error) {
	if c.SHA256 == nil || c.Info.Tool != goTool {
		return "", nil
	}
	got, err := goproxy.HashManifest(c.Info.From, c.Info.Release, c.Manifest, c.SHA256)
	if err != nil {
		return "", err
	}
	if got != c.Info.Archive {
		return "", &digest.MismatchError{What: c.Info.From, Want: c.Info.Archive.String(), Got: got.String()}
	}
	return a.vouchLogged(c, got)
}

func (a *app) vouchLogged(c bundle.Claim, got digest.Archive) (string, error) {
	source, err := a.source(sourceProxy)
	if err != nil {
		return "", err
	}
	for _, proof := range c.Proofs {
		if proof.Name != proofDir+c.Info.From {
			continue
		}
		stated, err := source.(*proxySource).CheckProof(c.Info.From, proof.Data)
		if err != nil {
			return "", err
		}
		if stated != got {
			return "", &digest.MismatchError{What: c.Info.From + " in the checksum database", Want: stated.String(), Got: got.String()}
		}
		return "the checksum database", nil
	}
	return "", nil
}

// keepProofs keeps the proofs of a bundle that are about its objects.
func (a *app) keepProofs(sum bundle.Summary) error {
	source, err := a.source(sourceProxy)
	if err != nil {
		return err
	}
	var errs []error
	for _, proof := range sum.Proofs {
		from, ok := strings.CutPrefix(proof.Name, proofDir)
		if ok && slices.ContainsFunc(sum.Objects, func(o bundle.Object) bool { return o.From == from && o.Vouched != "" }) {
			errs = append(errs, source.(*proxySource).KeepProof(from, proof.Data))
		}
	}
	return errors.Join(errs...)
}
