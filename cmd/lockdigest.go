package cmd

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gostore/internal/project"
	"gostore/internal/release"
	"gostore/store"
)

// keyDigits is how many hexadecimal digits of a digest a cache key has: 128 bits.
const keyDigits = 32

// bareDigest is the value of a --digest without "=". What it is for turns out when all arguments are known: pflag takes what
// follows such a flag for an argument.
const bareDigest = "key"

// archiveDigest is what follows --digest when it is the digest of an archive.
var archiveDigest = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z0-9]+/[a-z0-9]+=)?(md5|sha1|sha256|sha384|sha512|h1|b3)[:-]`)
})

// takeDigests gives each bare --digest its value out of the arguments, and returns the others. One without a value asks for the key of
// a cache.
func (o *lockOptions) takeDigests(args []string) ([]string, error) {
	isBare := func(s string) bool { return s == bareDigest }
	bare := len(o.origin.digests)
	o.origin.digests = slices.DeleteFunc(o.origin.digests, isBare)
	bare -= len(o.origin.digests)
	var rest []string
	for _, arg := range args {
		if bare > 0 && archiveDigest().MatchString(arg) {
			o.origin.digests = append(o.origin.digests, arg)
			bare--
		} else {
			rest = append(rest, arg)
		}
	}
	switch {
	case bare == 0:
	case bare > 1, len(o.origin.digests) > 0, o.origin.url != "":
		return nil, usagef("--digest has no digest after it").withHints("with --url write [OS/ARCH=]sha256:... or sha512-... after each")
	default:
		o.digest = true
	}
	return rest, nil
}

// lockDigest prints the key under which a cache can keep the store that the lock leads to. It begins with what makes stores
// incomparable: the layout, the system, the processor.
func (a *app) lockDigest(p project.Project, args []string, asJSON bool) error {
	if len(args) > 0 {
		return usagef("--digest takes no arguments; %s given", strings.Join(args, " "))
	}
	f, _, err := readLock(p)
	if err != nil {
		return noLock(p, err)
	}
	host := release.Host()
	prefix := fmt.Sprintf("gostore-%s-%s-%s-", store.FormatVersion, host.OS, host.Arch)
	key := prefix + f.Needs(host).Hex()[:keyDigits]
	if asJSON {
		return a.ui.answerJSON(map[string]string{"lock": p.LockPath(), "key": key, "prefix": prefix})
	}
	a.ui.answer("%s", key)
	return nil
}
