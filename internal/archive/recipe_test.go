package archive

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/ulikunitz/xz"

	"gostore/internal/digest"
)

// recipe is an archive and what is to happen to it, as a file in testdata/hostile describes it: what it is about, then the
// sections "archive", with a line for each step of making it, and "want", with the error, in which "…"
// stands for anything. Words of a step are separated by spaces and quoted as in Go where they need it. The steps are:
//
//	tar TYPE NAME [target=…] [content=…] [repeat=N] [mode=0755] [size=…] [magic=…]    an entry; TYPE is the letter of the format
//	pax KEY VALUE [KEY VALUE]…     an extended header for the next entry
//	long K|L TEXT                  a GNU header with a long name (L) or target (K) for the next entry
//	end                            two blocks of zeros, and what follows is after the end
//	zip NAME [content=…] [repeat=N] [mode=0120777] [stored] [extra=…] …    a member; see zipMember
//	zipend [comment=…]             the directory and the end record
//	raw TEXT | hex DIGITS | base64 TEXT | fill N TEXT    bytes as they are
//	gzip | xz | zstd | zstdwindow N     packs all there is so far
//	xzblock DICTIONARY TEXT        an xz stream with one block of a dictionary of so many bytes
//	prefix TEXT | append TEXT | cut N | patch OFFSET HEX | repeat N
//	limit NAME N | known           options of Unpack
type recipe struct {
	about   string
	data    []byte
	want    string
	options Options

	shape shape // the zip so far
}

// recipes reads the files of testdata/hostile whose names begin with prefix.
func recipes(t testing.TB, prefix string) map[string]*recipe {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "hostile", prefix+"*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no recipes %q: %v", prefix, err)
	}
	all := map[string]*recipe{}
	for _, name := range names {
		file, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r := &recipe{about: string(file.Comment)}
		for _, section := range file.Files {
			switch section.Name {
			case "archive":
				r.cook(t, name, string(section.Data))
			case "want":
				r.want = strings.TrimSpace(string(section.Data))
			default:
				t.Fatalf("%s: unknown section %q", name, section.Name)
			}
		}
		all[strings.TrimSuffix(filepath.Base(name), ".txtar")] = r
	}
	return all
}

func (r *recipe) cook(t testing.TB, file, steps string) {
	known := false
	for i, line := range strings.Split(steps, "\n") {
		words, err := split(line)
		if err == nil && len(words) > 0 {
			if words[0] == "known" {
				known = true
				continue
			}
			err = r.step(words)
		}
		if err != nil {
			t.Fatalf("%s: step %d, %q: %v", file, i+1, line, err)
		}
	}
	if known {
		r.options.Want = digest.SHA256(r.data)
	}
}

// split returns the words of a line; those that begin with a quote, or have one after "=", are quoted as in Go.
func split(line string) (words []string, err error) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " ") {
		head := ""
		if i := strings.IndexAny(line, " \"="); i >= 0 && line[i] == '=' && strings.HasPrefix(line[i:], `="`) {
			head, line = line[:i+1], line[i+1:]
		}
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, err
			}
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, err
			}
			words, line = append(words, head+text), line[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), rest
	}
	return words, nil
}

// step does what a line says.
func (r *recipe) step(words []string) error {
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	number := func(i int) int {
		n, err := strconv.Atoi(arg(i))
		if err != nil {
			panic(err)
		}
		return n
	}
	switch words[0] {
	case "tar":
		r.data = append(r.data, tarEntry(arg(1)[0], arg(2), options(words[3:]))...)
	case "pax":
		r.data = append(r.data, paxEntry(words[1:])...)
	case "long":
		r.data = append(r.data, tarEntry(arg(1)[0], "././@LongLink", map[string]string{"content": arg(2) + "\x00"})...)
	case "end":
		r.data = append(r.data, make([]byte, 2*tarBlock)...)
	case "zip":
		r.shape.members = append(r.shape.members, zipMember(arg(1), options(words[2:])))
	case "zipend":
		comment := options(words[1:])["comment"]
		r.shape.end, r.shape.after = put16(20, uint16(len(comment))), comment
		r.data = append(r.data, r.shape.build()...)
	case "raw", "append":
		r.data = append(r.data, arg(1)...)
	case "prefix":
		r.data = append([]byte(arg(1)), r.data...)
	case "fill":
		r.data = append(r.data, strings.Repeat(arg(2), number(1))...)
	case "hex":
		b, err := hex.DecodeString(arg(1))
		r.data = append(r.data, b...)
		return err
	case "base64":
		b, err := base64.StdEncoding.DecodeString(arg(1))
		r.data = append(r.data, b...)
		return err
	case "cut":
		r.data = r.data[:len(r.data)-number(1)]
	case "repeat":
		r.data = bytes.Repeat(r.data, number(1))
	case "patch":
		b, err := hex.DecodeString(arg(2))
		at := number(1)
		if at < 0 {
			at += len(r.data)
		}
		copy(r.data[at:], b)
		return err
	case "limit":
		return r.limit(arg(1), int64(number(2)))
	case "xzblock":
		r.data = append(r.data, xzStored(number(1), []byte(arg(2)))...)
	default:
		return r.pack(words)
	}
	return nil
}

// pack compresses all there is so far.
func (r *recipe) pack(words []string) (err error) {
	window := 8 << 20
	if len(words) > 1 {
		window, err = strconv.Atoi(words[1])
		if err != nil {
			return err
		}
	}
	r.data, err = packed(words[0], r.data, window)
	return err
}

func packed(how string, data []byte, window int) ([]byte, error) {
	var b bytes.Buffer
	var w interface {
		Write(p []byte) (int, error)
		Close() error
	}
	var err error
	switch how {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "zstd", "zstdwindow":
		w, err = zstd.NewWriter(&b, zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
	default:
		return nil, fmt.Errorf("unknown step")
	}
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

func (r *recipe) limit(name string, n int64) error {
	l := &r.options.Limits
	switch name {
	case "entries":
		l.Entries = int(n)
	case "bytes":
		l.Bytes = n
	case "file":
		l.File = n
	case "name":
		l.Name = int(n)
	case "names":
		l.Names = n
	case "header":
		l.Header = n
	case "ratio":
		l.Ratio = n
	default:
		return fmt.Errorf("unknown limit %q", name)
	}
	return nil
}

// options reads words of the form "key=value" or "key".
func options(words []string) map[string]string {
	o := map[string]string{}
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok {
			value = "true"
		}
		o[key] = value
	}
	if n, err := strconv.Atoi(o["repeat"]); err == nil {
		o["content"] = strings.Repeat(o["content"], n)
	}
	return o
}
