// Package bundle carries objects from one store to another in one file.
//
// Write makes a bundle of objects and all that they refer to; Read brings one into a store. Both work on
// streams, so a bundle can go through a pipe. A bundle holds each file content once, and with it what
// others need to judge it: the manifest of every tree, where each object came from, proofs.
//
// # What it promises
//
// Equal input gives equal bytes, whatever the number of processors and the order in which objects were named (the
// version of the compressor decides too). Read makes nothing visible before the whole bundle, to its last byte,
// was found right: one that is cut off, or in which any bit differs, is refused with a *DamagedError that names the
// member. A Read that was interrupted is taken up by the next one of the same bundle: contents that were
// written are hashed again and not written again. Memory does not grow with the size of
// contents: some 70 MB for reading and 100 MB for writing, and what the largest manifest takes.
//
// # What it does not promise
//
// A bundle proves that its contents are those of its trees, not that a tree is what an archive unpacks to. Where
// Options.Vouch can tell, it does; for all else, to import a bundle is to trust who made it about
// which tree belongs to which archive.
//
// # The format
//
// A bundle is a sequence of Zstandard frames (RFC 8878): data frames, and one skippable frame at the end, after which
// nothing follows.
//
// A data frame is independent of the others: it uses no dictionary, states its content size, which is 1 to
// 2 MiB (2097152), and has a checksum. A gostore writes frames of exactly 2 MiB, the last one excepted.
//
// The skippable frame has the magic number 0x184D2A5B and 64 bytes: the text "gostore bundle ends; BLAKE3-256:" and
// the BLAKE3-256 of all bytes before the frame, 32 bytes.
//
// The contents of the data frames, put together, are a tar archive, so that "zstd -dc BUNDLE | tar t" lists it. Its members
// are regular files; which there are, and in which order, follows from the first one. Their headers are those
// of package archive/tar for a regular file of mode 0444, user and group 0, no names for these, modification
// time 1980-01-02 00:00:00 UTC, in USTAR format, or PAX where USTAR cannot state the size or the name.
// Contents are filled up with zero bytes to multiples of 512; 1024 zero bytes end the archive.
//
//	gostore-bundle           the head, below
//	proofs/NAME              the proofs, as the head lists them
//	meta/HEX.manifest        the manifest of each object, in the order of the head (package tree has the format)
//	files/HH/HEX…            each content once, under its BLAKE3-256: two digits, a slash, the other 62
//
// Contents stand in the order in which going through the manifests meets them first. A content that is
// both a file's and an executable file's stands there once.
//
// The head is JSON as encoding/json writes it, indented by one tab, with a newline at the end; another spelling of the same
// is an error. Absent fields are those that are empty.
//
//	format     1
//	objects    in an order in which each follows those that it refers to:
//	  tree       the tree digest, "b3:…"
//	  tool       the name of the tool, or of the kind of object
//	  release    its version
//	  archive    the digest of the archive or recipe that the tree was made from
//	  from       where that came from, for people
//	  refs       the tree digests of the objects that this one links to, sorted
//	  manifest   bytes of the manifest
//	proofs     sorted by name:
//	  name       a path as package tree allows it, at most 200 bytes
//	  size       bytes
//	  content    BLAKE3-256 in 64 hexadecimal digits
//	contents   number of members below files/
//	bytes      of these together
//
// Limits: a head has at most 4 MiB, a manifest 32 MiB, all manifests 256 MiB, a proof 64 KiB, all proofs
// 8 MiB; there are at most 10,000 objects and 500,000 contents. From 1 GiB on, the data frames have at most 1000 bytes of
// content for each byte of their own.
//
// A link of a tree leads to something in the tree, or to nothing, or, by way of "../", into an object that the tree's
// object refers to, by the name that this object has in a store.
package bundle
