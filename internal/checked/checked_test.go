package checked

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

type thing struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// texts are a thing without a value, in both forms.
func texts(t testing.TB) (compact, indented []byte) {
	t.Helper()
	v := thing{"a }\"", 7}
	compact, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	indented, err = json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(compact, '\n'), append(indented, '\n')
}

// as returns what a writer without values would have made of a text.
func as(text []byte, indent bool) func() ([]byte, error) {
	return func() ([]byte, error) {
		var v thing
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, err
		}
		compact, _ := json.Marshal(v)
		if indent {
			compact, _ = json.MarshalIndent(v, "", "  ")
		}
		return append(compact, '\n'), nil
	}
}

// Every bit of a text counts, also those that say that there is a value. A text from before there were any is accepted.
func TestEveryBitCounts(t *testing.T) {
	compact, indented := texts(t)
	for i, plain := range [][]byte{compact, indented} {
		if err := Verify("subject", plain, as(plain, i == 1)); err != nil {
			t.Errorf("%s: %v", plain, err)
		}
		text := Add("subject", plain)
		var v thing
		if err := json.Unmarshal(text, &v); err != nil || v.Size != 7 {
			t.Fatalf("%s is read as %+v, %v", text, v, err)
		}
		if err := Verify("subject", text, as(text, i == 1)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		for bit := range 8 * len(text) {
			rotten := bytes.Clone(text)
			rotten[bit/8] ^= 1 << (bit % 8)
			if Verify("subject", rotten, as(rotten, i == 1)) == nil {
				t.Errorf("bit %d of %s counts for nothing: %q", bit, text, rotten)
			}
		}
		for n := range len(text) {
			if Verify("subject", text[:n], as(text[:n], i == 1)) == nil {
				t.Errorf("%s can be cut off at %d", text, n)
			}
		}
	}
}

func TestSubjectCounts(t *testing.T) {
	compact, _ := texts(t)
	text := Add("one", compact)
	if err := Verify("other", text, nil); !errors.Is(err, ErrRotten) {
		t.Errorf("a text of another subject: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	compact, indented := texts(f)
	f.Add(compact)
	f.Add(Add("s", indented))
	f.Fuzz(func(t *testing.T, text []byte) {
		if Verify("s", text, func() ([]byte, error) { return nil, errors.New("none") }) == nil {
			at, _ := find(text)
			if again := Add("s", without(text, at)); !bytes.Equal(again, text) {
				t.Errorf("%q is accepted, and would be written as %q", text, again)
			}
		}
	})
}

// without returns a text without its value.
func without(text []byte, at int) []byte {
	for _, form := range forms {
		from, to := at-len(form.before), at+digits
		if from > 0 && string(text[from:at]) == form.before {
			closing := "}"
			if form.after != `"}` {
				closing = "\n}"
			}
			return bytes.Join([][]byte{text[:from], []byte(closing), text[to+len(form.after):]}, nil)
		}
	}
	return text
}

func BenchmarkVerify(b *testing.B) {
	compact, _ := texts(b)
	text := Add("s", append(bytes.Repeat([]byte(" "), 400), compact...))
	for b.Loop() {
		if err := Verify("s", text, nil); err != nil {
			b.Fatal(err)
		}
	}
}
