// Package checked gives small files of JSON a value by which their reader sees that a bit of them rotted.
//
// The value is the last member of the object, "check": 16 hexadecimal digits of the BLAKE3-256 of a subject, a zero byte and the
// text, in which zeros stand in the place of the digits. The subject says what the text is about, most often the
// name of its file: so two whole files that changed places show as well.
//
// It promises that a text in which up to some bytes differ from what Add returned is told from it, but for one in 2⁶⁴. It protects from disks
// and not from people: whoever can write the file can compute the value. Texts from before there were such values are accepted if
// they are, byte for byte, what their writer would have made of what they say.
package checked

import (
	"bytes"
	"errors"

	"gostore/internal/digest"
)

// digits is the length of a value.
const digits = 16

// zeros stand in the place of a value while it is computed.
const zeros = "0000000000000000"

// How a value stands at the end of an object, compact or indented by two spaces.
var forms = []struct{ before, after string }{
	{`,"check":"`, `"}`},
	{",\n  \"check\": \"", "\"\n}"},
}

// ErrRotten says that a text is not what was written.
var ErrRotten = errors.New("is not what was written to it: its check is wrong")

// Add returns an object, as json.Marshal or json.MarshalIndent with two spaces wrote it, with its value as the last member. It has at
// least one other member. White space at its end stays.
func Add(subject string, object []byte) []byte {
	end := bytes.LastIndexByte(object, '}')
	tail := object[end+1:]
	form, body := forms[0], object[:end]
	if bytes.HasSuffix(body, []byte("\n")) {
		form, body = forms[1], body[:end-1]
	}
	text := bytes.Join([][]byte{body, []byte(form.before), []byte(zeros), []byte(form.after), tail}, nil)
	at := len(body) + len(form.before)
	copy(text[at:], value(subject, text, at))
	return text
}

// Verify returns ErrRotten unless text is what Add returned for the subject. Of a text without a value again must return the
// same bytes: what would be written, without one, of what was read.
func Verify(subject string, text []byte, again func() ([]byte, error)) error {
	at, ok := find(text)
	if !ok {
		was, err := again()
		if err == nil && !bytes.Equal(was, text) {
			err = ErrRotten
		}
		return err
	}
	if value(subject, text, at) != string(text[at:at+digits]) {
		return ErrRotten
	}
	return nil
}

// find returns where the value of a text stands.
func find(text []byte) (at int, ok bool) {
	end := len(bytes.TrimRight(text, " \n"))
	for _, form := range forms {
		at := end - len(form.after) - digits
		from := at - len(form.before)
		if from > 0 && string(text[from:at]) == form.before && string(text[at+digits:end]) == form.after {
			return at, true
		}
	}
	return 0, false
}

// value computes the digits for a text in which they stand at an offset.
func value(subject string, text []byte, at int) string {
	buf := make([]byte, 0, len(subject)+1+len(text))
	buf = append(append(buf, subject...), 0)
	buf = append(append(append(buf, text[:at]...), zeros...), text[at+digits:]...)
	return digest.Sum(buf).Hex()[:digits]
}
