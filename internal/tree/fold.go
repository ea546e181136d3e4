package tree

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// foldCase returns a string that two strings share exactly if they differ in case only, by the Unicode standard's full case
// folding of their canonical decompositions. It is for comparing, not for reading. It is made of package unicode because every
// start of a shim would pay 0.4 ms for what golang.org/x/text/cases initialises.
func foldCase(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		if several, ok := foldsToSeveral(r); ok {
			for _, r := range several {
				b.WriteRune(foldRune(r))
			}
			continue
		}
		b.WriteRune(foldRune(r))
	}
	return b.String()
}

// foldRune returns one of the characters that differ from r in case only: the small letter in ASCII, else the least.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// foldsToSeveral returns the characters that one folds to, where it is more than one: those of status F in the standard's
// CaseFolding.txt that canonical decomposition leaves as they are.
func foldsToSeveral(r rune) (string, bool) {
	switch r {
	case 'ß', 'ẞ':
		return "ss", true
	case '\u0149': // n after an apostrophe
		return "\u02bcn", true
	case '\u0587': // Armenian ech yiwn
		return "\u0565\u0582", true
	case '\u1e9a': // a with right half ring
		return "a\u02be", true
	case '\ufb00':
		return "ff", true
	case '\ufb01':
		return "fi", true
	case '\ufb02':
		return "fl", true
	case '\ufb03':
		return "ffi", true
	case '\ufb04':
		return "ffl", true
	case '\ufb05', '\ufb06':
		return "st", true
	case '\ufb13': // Armenian ligatures from here on
		return "\u0574\u0576", true
	case '\ufb14':
		return "\u0574\u0565", true
	case '\ufb15':
		return "\u0574\u056b", true
	case '\ufb16':
		return "\u057e\u0576", true
	case '\ufb17':
		return "\u0574\u056d", true
	}
	return "", false
}
