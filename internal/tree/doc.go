// Package tree describes a directory by a manifest and names it by a tree digest.
//
// A [Manifest] is a fact about contents: which names a directory holds, of what kind they
// are, which files are executable, and what every file contains. It says nothing about
// times, owners, other permission bits, hard links or extended attributes, and two
// directories that differ only in these have one manifest.
//
// # The manifest
//
// A manifest is UTF-8 text. Its first line is
//
//	gostore tree 1
//
// and each further line describes one entry below the root directory, which itself has no
// line. Every line, the last one too, ends in one newline byte. The words of a line are
// separated by exactly one space:
//
//	d PATH                   a directory
//	f CONTENT SIZE PATH      a file that its owner may not execute
//	x CONTENT SIZE PATH      a file that its owner may execute (mode bit 0100)
//	l PATH TARGET            a symbolic link
//
// CONTENT is the BLAKE3-256 of the file's bytes in 64 lower-case hexadecimal digits. SIZE is
// their number in decimal, without sign or leading zeros. PATH is relative to the root, with
// slashes, and obeys [CheckPath]. TARGET is what the link holds, byte for byte: not empty, not
// beginning with a slash, at most 4095 bytes of valid UTF-8 without control characters
// (U+0000–U+001F, U+007F–U+009F). Where it leads to is not this package's business.
//
// A PATH or TARGET stands between double quotes if and only if it contains a space, a double
// quote or a backslash; then a backslash precedes each double quote and each backslash in it.
// There are no other escapes: every other character stands as it is.
//
// Lines are sorted by the bytes of their (unquoted) PATH, and no PATH occurs twice. The parent
// of every entry is the root or has a line of kind d. The sizes of all files sum to less than
// 2⁶³. No two paths are twins: equal when Unicode case folding and normalisation are applied
// and default-ignorable characters are left out. So a tree looks the same on every
// system, or it has no manifest.
//
// These rules leave exactly one text for one tree. [Parse] accepts that text and nothing else.
//
// # The tree digest
//
// The tree digest is the BLAKE3-256 of the manifest, written as "b3:" and 64 lower-case
// hexadecimal digits. This script for a POSIX shell computes it with public tools, for a
// directory $1 that has a manifest; without its last command it prints the manifest:
//
//	cd "$1" || exit
//	quoted() {
//		case $1 in
//		*[\ \"\\]*) printf '"%s"' "$(printf '%s\n' "$1" | sed 's/["\\]/\\&/g')" ;;
//		*) printf '%s' "$1" ;;
//		esac
//	}
//	{
//		printf 'gostore tree 1\n'
//		find . ! -name . | LC_ALL=C sort | while IFS= read -r p; do
//			name=$(quoted "${p#./}")
//			if [ -L "$p" ]; then
//				printf 'l %s %s\n' "$name" "$(quoted "$(readlink "$p")")"
//			elif [ -d "$p" ]; then
//				printf 'd %s\n' "$name"
//			else
//				kind=f
//				[ -z "$(find "$p" -perm -100)" ] || kind=x
//				sum=$(b3sum --no-names <"$p")
//				printf '%s %s %d %s\n' $kind "$sum" $(wc -c <"$p") "$name"
//			fi
//		done
//	} | b3sum --no-names
//
// Test vectors stand in testdata/vectors, one tree to a file: prose, the tree digest, the entries
// to create (kind, path, and content or target, in double-quoted Go strings; a number at
// the end repeats the content), and the manifest that results.
//
// # Limits of the promise
//
// Which names are twins depends on the version of Unicode that the program was built with:
// characters assigned later may make twins of names that an older version accepted. This
// can refuse a tree but never gives another digest to the same tree. [Scan] describes a
// directory that nobody changes meanwhile; it notices some changes, not all.
package tree
