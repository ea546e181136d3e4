package archive

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

var fine = part{name: "m@v1/fine", content: "fine", stored: true}

// with returns a shape with p after a member in order.
func with(p part) shape { return shape{members: []part{fine, p}} }

// named returns a shape with members of these names.
func named(names ...string) (s shape) {
	for _, name := range names {
		s.members = append(s.members, part{name: name, content: name})
	}
	return s
}

// refusals are zips that have to be refused before anything is written.
var refusals = []struct {
	name  string
	shape shape
	want  string // "…" stands for anything, where package tree words the reason
}{
	// Names.
	{"name_escapes", named("m@v1/../x"), `entry "m@v1/../x": …clean…path…`},
	{"name_escapes_later", named("m@v1/a/../../../x"), `entry "m@v1/a/../../../x": …clean…path…`},
	{"name_absolute", named("/etc/passwd"), `entry "/etc/passwd": is outside of "m@v1/"`},
	{"name_absolute_in_prefix", named("m@v1//etc/passwd"), `entry "m@v1//etc/passwd": …clean…path…`},
	{"name_drive", named("m@v1/c:x"), `entry "m@v1/c:x": …':'…`},
	{"name_dot", named("m@v1/./x"), `entry "m@v1/./x": …clean…path…`},
	{"name_backslash", named(`m@v1/..\x`), `entry "m@v1/..\\x": …'\\'…`},
	{"name_nul", named("m@v1/a\x00b"), `entry "m@v1/a\x00b": …U+0000…`},
	{"name_newline", named("m@v1/a\nb"), `entry "m@v1/a\nb": …U+000A…`},
	{"name_not_utf8", named("m@v1/\xff"), `entry "m@v1/\xff": name is not UTF-8`},
	{"name_unmarked_utf8", named("m@v1/é"), `entry "m@v1/é": name is not ASCII and not marked as UTF-8`},
	{"name_device", named("m@v1/nul.txt"), `entry "m@v1/nul.txt": …"nul.txt"…Windows…`},
	{"name_empty", named(""), `an entry has no name`},
	{"name_only_prefix", named("m@v1/"), `entry "m@v1/": is a directory, module zips have none`},
	{"name_too_long", named("m@v1/" + strings.Repeat("x", 60)), `an entry's name has 65 bytes, at most 64 are allowed`},
	{"name_other_prefix", named("m@v2/a"), `entry "m@v2/a": is outside of "m@v1/"`},
	{"name_short_prefix", named("m@v1"), `entry "m@v1": is outside of "m@v1/"`},
	{"directory_entry", named("m@v1/a/"), `entry "m@v1/a/": is a directory, module zips have none`},
	{"twice", named("m@v1/a", "m@v1/a"), `entry "m@v1/a": …twice…`},
	{"twins_case", named("m@v1/a", "m@v1/A"), `entry "m@v1/A": …"A" and "a"…case…`},
	{"twins_directories", named("m@v1/d/a", "m@v1/D/b"), `entry "m@v1/D/b": …"D" and "d"…case…`},
	{"parent_is_file", named("m@v1/a", "m@v1/a/b"), `entry "m@v1/a/b": …"a"…file…directory…`},
	{"file_is_parent", named("m@v1/a/b", "m@v1/a"), `entry "m@v1/a": …directory…`},
	{"renamed_onto_another", named("m@v1/go.mod", "m@v1/_go.mod"), `entry "m@v1/_go.mod": …twice…`},
	{"renamed_to_better", named("m@v1/new\nline"), `entry "m@v1/new\nline": …U+000A…`},
	{"renamed_outside", named("m@v1/evil"), `entry "m@v1/evil": …clean…path…`},

	// What lies where.
	{"bytes_before", shape{members: []part{{name: "m@v1/a", before: "#!/bin/sh\n"}}}, `entry "m@v1/a": begins at 10, but what is before it ends at 0`},
	{"bytes_before_uncounted", shape{members: []part{{name: "m@v1/a", before: "#!", central: put32(42, 0)}}}, `entry "m@v1/a": has no local header`},
	{"bytes_after", shape{members: []part{fine}, after: "x"}, `not a zip, cut off, or with a comment: does not end with an end record`},
	{"comment", shape{members: []part{fine}, end: put16(20, 1), after: "x"}, `not a zip, cut off, or with a comment: does not end with an end record`},
	{"comment_that_is_an_end", shape{members: []part{fine}, end: put16(20, endSize), after: string(shape{}.build())}, `directory of 0 bytes at 0 does not end at the end record at 120`},
	{"comment_announced", shape{members: []part{fine}, end: put16(20, 1)}, `end record announces a comment`},
	{"gap_between_members", with(part{name: "m@v1/a", before: "gap"}), `entry "m@v1/a": begins at 46, but what is before it ends at 43`},
	{"gap_before_directory", shape{members: []part{fine}, gap: "gap"}, `3 bytes between the last entry and the directory`},
	{"gap_after_directory", shape{members: []part{fine}, between: "gap"}, `directory of 55 bytes at 43 does not end at the end record at 101`},
	{"overlap", with(part{name: "m@v1/a", central: put32(42, 0)}), `entry "m@v1/a": begins at 0, but what is before it ends at 43`},
	{"overlap_inside", with(part{name: "m@v1/a", central: put32(42, 42)}), `entry "m@v1/a": begins at 42, but what is before it ends at 43`},
	{"member_over_next", shape{members: []part{{name: "m@v1/a", content: "alpha", stored: true, both: func(b []byte) { put32(18, 9)(b); put32(22, 9)(b) }}, fine}},
		`entry "m@v1/fine": begins at 41, but what is before it ends at 45`},
	{"member_over_directory", shape{members: []part{{name: "m@v1/a", content: "alpha", both: put32(18, 1000)}}}, `entry "m@v1/a": reaches into the directory`},
	{"header_over_directory", shape{members: []part{{name: "m@v1/a", central: put32(42, 0), localExtra: "UT\x00\x00", local: put16(28, 500)}}}, `entry "m@v1/a": reaches into the directory`},
	{"descriptor_over_directory", shape{members: []part{{name: "m@v1/a", both: put16(6, flagDescriptor)}}}, `entry "m@v1/a": reaches into the directory`},
	{"order", shape{members: []part{{name: "m@v1/a", central: put32(42, 37)}, {name: "m@v1/b", central: put32(42, 0)}}}, `entry "m@v1/a": begins at 37, but what is before it ends at 0`},
	{"unlisted_member", shape{members: []part{fine, {name: "m@v1/a", stored: true, unlisted: true}}}, `36 bytes between the last entry and the directory`},
	{"unlisted_first", shape{members: []part{{name: "m@v1/a", stored: true, unlisted: true}, fine}}, `entry "m@v1/fine": begins at 36, but what is before it ends at 0`},

	// Two headers, two stories.
	{"local_signature", with(part{name: "m@v1/a", local: put32(0, 0)}), `entry "m@v1/a": has no local header`},
	{"local_name", with(part{name: "m@v1/a", localName: "m@v1/b"}), `entry "m@v1/a": has another name in its local header`},
	{"local_name_length", with(part{name: "m@v1/a", local: put16(26, 5)}), `entry "m@v1/a": has another name in its local header`},
	{"local_flags", with(part{name: "m@v1/a", local: put16(6, flagUTF8)}), `entry "m@v1/a": has other flags in its local header`},
	{"local_method", with(part{name: "m@v1/a", local: put16(8, stored)}), `entry "m@v1/a": has another method in its local header`},
	{"local_crc", with(part{name: "m@v1/a", local: put32(14, 1)}), `entry "m@v1/a": has another CRC in its local header`},
	{"local_packed", with(part{name: "m@v1/a", local: put32(18, 1)}), `entry "m@v1/a": has other sizes in its local header`},
	{"local_size", with(part{name: "m@v1/a", local: put32(22, 1)}), `entry "m@v1/a": has other sizes in its local header`},
	{"local_zero_sizes", with(part{name: "m@v1/a", content: "a", local: func(b []byte) { clear(b[14:26]) }}), `entry "m@v1/a": has another CRC in its local header`},
	{"local_half_sizes", with(part{name: "m@v1/a", content: "a", descriptor: true, local: put32(22, 7)}), `entry "m@v1/a": has another CRC in its local header`},
	{"descriptor_missing", with(part{name: "m@v1/a", content: "a", descriptor: true, trailer: put32(0, 0)}), `entry "m@v1/a": has no data descriptor after its content`},
	{"descriptor_crc", with(part{name: "m@v1/a", content: "a", descriptor: true, trailer: put32(4, 0)}), `entry "m@v1/a": has another CRC in its data descriptor`},
	{"descriptor_packed", with(part{name: "m@v1/a", content: "a", descriptor: true, trailer: put32(8, 0)}), `entry "m@v1/a": has other sizes in its data descriptor`},
	{"descriptor_size", with(part{name: "m@v1/a", content: "a", descriptor: true, trailer: put32(12, 0)}), `entry "m@v1/a": has other sizes in its data descriptor`},

	// Kinds of members.
	{"encrypted", with(part{name: "m@v1/a", both: put16(6, flagEncrypted)}), `entry "m@v1/a": is encrypted`},
	{"strongly_encrypted", with(part{name: "m@v1/a", both: put16(6, 1<<6|1)}), `entry "m@v1/a": is encrypted`},
	{"patch_data", with(part{name: "m@v1/a", both: put16(6, 1<<5)}), `entry "m@v1/a": has unknown flags 0x20`},
	{"masked_headers", with(part{name: "m@v1/a", both: put16(6, 1<<13)}), `entry "m@v1/a": has unknown flags 0x2000`},
	{"unknown_method", with(part{name: "m@v1/a", both: put16(8, 12)}), `entry "m@v1/a": has unknown method 12`},
	{"symlink", with(part{name: "m@v1/a", content: "/etc", central: put32(38, 0o120777<<16)}), `entry "m@v1/a": is no regular file: has mode 0120777`},
	{"device", with(part{name: "m@v1/a", central: put32(38, 0o060644<<16)}), `entry "m@v1/a": is no regular file: has mode 060644`},
	{"fifo", with(part{name: "m@v1/a", central: put32(38, 0o010644<<16)}), `entry "m@v1/a": is no regular file: has mode 010644`},
	{"directory_mode", with(part{name: "m@v1/a", central: put32(38, 0o040755<<16)}), `entry "m@v1/a": is no regular file: has mode 040755`},
	{"directory_attribute", with(part{name: "m@v1/a", central: put32(38, 0x10)}), `entry "m@v1/a": is no regular file: has MS-DOS attributes 0x10`},
	{"other_disk", with(part{name: "m@v1/a", central: put16(34, 1)}), `entry "m@v1/a": lies on another disk`},
	{"member_comment", with(part{name: "m@v1/a", central: put16(32, 3)}), `entry "m@v1/a": has a comment`},
	{"second_name", with(part{name: "m@v1/a", centralExtra: "up\x00\x00"}), `entry "m@v1/a": has an extra field of type 0x7075`},
	{"second_name_local", with(part{name: "m@v1/a", localExtra: "up\x00\x00"}), `entry "m@v1/a": has an extra field of type 0x7075`},
	{"zip64_field", with(part{name: "m@v1/a", centralExtra: "\x01\x00\x00\x00"}), `entry "m@v1/a": has an extra field of type 0x0001`},
	{"extra_malformed", with(part{name: "m@v1/a", centralExtra: "UT\x09\x00abcd"}), `entry "m@v1/a": has a malformed extra field`},
	{"extra_cut", with(part{name: "m@v1/a", localExtra: "UT"}), `entry "m@v1/a": has a malformed extra field`},

	// Numbers.
	{"stored_sizes", with(part{name: "m@v1/a", content: "a", stored: true, both: put32(22, 2)}), `entry "m@v1/a": is stored, but states 1 packed bytes for 2`},
	{"member_zip64_size", with(part{name: "m@v1/a", both: put32(22, none32)}), `entry "m@v1/a": has zip64 sizes`},
	{"member_zip64_packed", with(part{name: "m@v1/a", both: put32(18, none32)}), `entry "m@v1/a": has zip64 sizes`},
	{"count_too_high", shape{members: []part{fine}, end: func(b []byte) { put16(8, 2)(b); put16(10, 2)(b) }}, `directory of 55 bytes is too short for its 2 entries`},
	{"count_too_high_by_one", shape{members: []part{fine, fine, fine, fine, fine, fine}, end: func(b []byte) { put16(8, 7)(b); put16(10, 7)(b) }}, `directory ends within an entry`},
	{"count_too_low", shape{members: []part{fine, {name: "m@v1/a"}}, end: func(b []byte) { put16(8, 1)(b); put16(10, 1)(b) }}, `directory goes on after its 1 entries`},
	{"count_twice", shape{members: []part{fine}, end: put16(8, 2)}, `end record states two numbers of entries`},
	{"several_disks", shape{members: []part{fine}, end: put16(4, 1)}, `end record speaks of several disks`},
	{"directory_elsewhere", shape{members: []part{fine}, end: put16(6, 1)}, `end record speaks of several disks`},
	{"directory_offset_low", shape{members: []part{fine}, end: put32(16, 42)}, `directory of 55 bytes at 42 does not end at the end record at 98`},
	{"directory_offset_high", shape{members: []part{fine}, end: put32(16, 1<<30)}, `directory of 55 bytes at 1073741824 does not end at the end record at 98`},
	{"directory_size", shape{members: []part{fine}, end: put32(12, 54)}, `directory of 54 bytes at 43 does not end at the end record at 98`},
	{"directory_moved", shape{members: []part{fine}, end: func(b []byte) { put32(12, 56)(b); put32(16, 42)(b) }}, `directory does not consist of entries only`},
	{"directory_signature", with(part{name: "m@v1/a", central: put32(0, 0)}), `directory does not consist of entries only`},
	{"directory_name_length", with(part{name: "m@v1/a", central: put16(28, 60)}), `directory ends within an entry`},
	{"too_many_entries", named("m@v1/1", "m@v1/2", "m@v1/3", "m@v1/4", "m@v1/5", "m@v1/6", "m@v1/7", "m@v1/8", "m@v1/9"), `has 9 entries, at most 8 are allowed`},
	{"too_large", with(part{name: "m@v1/a", both: put32(22, 8<<20+1)}), `entry "m@v1/a": has 8388609 bytes, at most 8388608 are allowed`},
	{"too_large_together", shape{members: []part{fine, bulk("m@v1/a"), bulk("m@v1/b")}}, `entry "m@v1/b": is beyond the 12582912 bytes that all entries may have together`},
	{"ratio", with(part{name: "m@v1/a", packed: strings.Repeat("x", 10_000), both: put32(22, 2<<20)}), `entry "m@v1/a": 10000 bytes would become 2097152, more than 200 times as many`},
	{"ratio_together", shape{members: []part{small("m@v1/a"), small("m@v1/b"), small("m@v1/c")}}, `3286 bytes would become 3145728, more than 2 times as many`},

	// zip64 records.
	{"zip64_missing", shape{members: []part{fine}, end: put32(16, none32)}, `zip64 record is missing`},
	{"zip64_missing_count", shape{members: []part{fine}, end: func(b []byte) { put32(8, none32)(b) }}, `zip64 record is missing`},
	{"zip64_no_room", shape{end: put32(16, none32)}, `zip64 record is missing`},
	{"zip64_unused", shape{members: []part{fine}, zip64: true, end: func(b []byte) { put32(8, 1<<16|1)(b); put32(12, 55)(b); put32(16, 43)(b) }}, `directory of 55 bytes at 43 does not end at the end record at 174`},
	{"zip64_locator", shape{members: []part{fine}, zip64: true, record: put64(64, 0)}, `zip64 locator points to 0, the record is at 98`},
	{"zip64_locator_signature", shape{members: []part{fine}, zip64: true, record: put32(56, 0)}, `zip64 record is missing`},
	{"zip64_locator_disk", shape{members: []part{fine}, zip64: true, record: put32(60, 1)}, `zip64 record speaks of several disks`},
	{"zip64_locator_disks", shape{members: []part{fine}, zip64: true, record: put32(72, 2)}, `zip64 record speaks of several disks`},
	{"zip64_record_size", shape{members: []part{fine}, zip64: true, record: put64(4, 45)}, `zip64 record has a size of its own`},
	{"zip64_record_disk", shape{members: []part{fine}, zip64: true, record: put32(16, 1)}, `zip64 record speaks of several disks`},
	{"zip64_count", shape{members: []part{fine}, zip64: true, record: put64(32, 2)}, `zip64 record states two numbers of entries`},
	{"zip64_count_huge", shape{members: []part{fine}, zip64: true, record: func(b []byte) { put64(24, 1<<63)(b); put64(32, 1<<63)(b) }}, `has 9223372036854775808 entries, at most 8 are allowed`},
	{"zip64_offset_huge", shape{members: []part{fine}, zip64: true, record: put64(48, 1<<64-8)}, `directory of 55 bytes at 18446744073709551608 does not end at the end record at 98`},
	{"zip64_size_huge", shape{members: []part{fine}, zip64: true, record: put64(40, 1<<64-45)}, `directory of 18446744073709551571 bytes at 43 does not end at the end record at 98`},
	{"zip64_past_end", shape{members: []part{fine}, zip64: true, record: func(b []byte) { put64(48, 106)(b); put64(40, 1<<64-8)(b) }}, `directory of 18446744073709551608 bytes at 106 does not end at the end record at 98`},
	{"zip64_record_signature", shape{members: []part{fine}, zip64: true, record: put32(0, 0)}, `zip64 record is missing`},
	{"zip64_directory_disk", shape{members: []part{fine}, zip64: true, record: put32(20, 1)}, `zip64 record speaks of several disks`},
	{"zip64_count_disagrees", shape{members: []part{fine}, zip64: true, end: func(b []byte) { put16(8, 2)(b); put16(10, 2)(b) }}, `end record and zip64 record differ`},
	{"zip64_size_disagrees", shape{members: []part{fine}, zip64: true, end: put32(12, 54)}, `end record and zip64 record differ`},
	{"zip64_offset_disagrees", shape{members: []part{fine}, zip64: true, end: func(b []byte) { put32(16, 44)(b) }}, `end record and zip64 record differ`},
}

// small is a member that says it has 1 MiB of content.
func small(name string) part {
	return part{name: name, packed: strings.Repeat("x", 1000), both: put32(22, 1<<20)}
}

// bulk is a member that says it has 8 MiB of content.
func bulk(name string) part {
	return part{name: name, packed: strings.Repeat("x", 50<<10), both: put32(22, 8<<20)}
}

// strict has limits small enough for tests.
var strict = ModuleZip{
	Prefix: "m@v1/",
	Rename: func(path string) string {
		switch path {
		case "_go.mod":
			return "go.mod"
		case "new\nline":
			return "line"
		case "evil":
			return "../evil"
		}
		return path
	},
	Limits: Limits{Entries: 8, Bytes: 12 << 20, File: 8 << 20, Name: 64},
}

func TestRefusals(t *testing.T) {
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			m := strict
			if test.name == "ratio_together" {
				m.Limits.Ratio = 2
			}
			sink := &memorySink{}
			err := m.unpack(t, test.shape.build(), sink)
			if got := formatError(t, err); !matches(got, test.want) {
				t.Errorf("\ngot  %s\nwant %s", got, test.want)
			}
			if len(sink.files) != 0 {
				t.Errorf("sink got %v", sink.names())
			}
		})
	}
}

// damages are zips whose fault shows only when a member is unpacked.
var damages = []struct {
	name string
	part part
	want string
}{
	{"crc", part{content: "alpha", both: put32(14, 1)}, `has CRC d0e0396a, its header states 00000001`},
	{"crc_stored", part{content: "alpha", stored: true, both: put32(14, 1)}, `has CRC d0e0396a, its header states 00000001`},
	{"crc_empty", part{both: put32(14, 1)}, `has CRC 00000000, its header states 00000001`},
	{"smaller_than_stated", part{content: "alpha", both: put32(22, 6)}, `has only 5 of the 6 bytes that it states`},
	{"larger_than_stated", part{content: "alpha", both: put32(22, 4)}, `has more than the 4 bytes that it states`},
	{"larger_than_nothing", part{content: "alpha", both: put32(22, 0)}, `has more than the 0 bytes that it states`},
	{"bomb_that_states_little", part{content: strings.Repeat("\x00", 4<<20), both: put32(22, 10)}, `has more than the 10 bytes that it states`},
	{"trailing_bytes", part{content: "alpha", packed: deflate("alpha") + "x"}, `has bytes after its packed content`},
	{"two_streams", part{content: "alpha", packed: deflate("alpha") + deflate("beta")}, `has bytes after its packed content`},
	{"trailing_bytes_of_nothing", part{packed: deflate("") + strings.Repeat("x", 100<<10)}, `has bytes after its packed content`},
	{"cut_off", part{content: "alpha", packed: deflate("alpha")[:4]}, `content is cut off`},
	{"not_deflate", part{content: "alpha", packed: "\xff\xff\xff\xff"}, `content is damaged: has a block of no known kind`},
	{"reaches_back_too_far", part{content: "alpha", packed: "\x03\x02\x00"}, `content is damaged: refers to what is before its beginning`},
}

func TestDamages(t *testing.T) {
	for _, test := range damages {
		t.Run(test.name, func(t *testing.T) {
			p := test.part
			p.name = "m@v1/bad"
			sink := &memorySink{}
			err := strict.unpack(t, with(p).build(), sink)
			if got, want := formatError(t, err), `entry "m@v1/bad": `+test.want; got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
			if _, ok := sink.files["bad"]; ok {
				t.Error("sink got the damaged file")
			}
		})
	}
}

// TestCutAndChanged cuts a zip off at every byte, drops every byte, and changes every byte: the first two are always refused
// before anything is written, the third is refused or changes nothing.
func TestCutAndChanged(t *testing.T) {
	s := goodShapes["several"]
	s.zip64 = true
	whole := s.build()
	want := hashEqual(t, whole)
	for i := range whole {
		sink := &memorySink{}
		formatError(t, strict.unpack(t, whole[:i], sink))
		formatError(t, strict.unpack(t, append(append([]byte(nil), whole[:i]...), whole[i+1:]...), sink))
		if len(sink.files) != 0 {
			t.Fatalf("without byte %d: sink got %v", i, sink.names())
		}
		for bit := range 8 {
			changed := append([]byte(nil), whole...)
			changed[i] ^= 1 << bit
			got, err := strict.hash(changed)
			var refused *FormatError
			if err == nil && got != want || err != nil && !errors.As(err, &refused) {
				t.Errorf("with bit %d of byte %d changed: %v, %v", bit, i, got, err)
			}
		}
	}
}

// matches reports whether s is pattern, in which "…" stands for anything.
func matches(s, pattern string) bool {
	parts := strings.Split(regexp.QuoteMeta(pattern), "…")
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(s)
}

func formatError(t *testing.T, err error) string {
	t.Helper()
	var refused *FormatError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a *FormatError", err)
	}
	return err.Error()
}
