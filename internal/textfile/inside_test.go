package textfile

import "testing"

func TestInside(t *testing.T) {
	for text, want := range map[string]int{
		`k = "abc"`:                 7, // the third byte of the value
		`k = 'abc'`:                 7,
		`k = """abc"""`:             9,
		`k = '''abc'''`:             9,
		`k = "a\u0062c"`:            4, // cannot be told: the value's own place
		`k = """` + "\nabc" + `"""`: 4,
	} {
		d, err := ParseTOML("t", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Inside(d.Root.Get("k").Value, 2); got != want {
			t.Errorf("%s: byte 2 is at %d, want %d", text, got, want)
		}
	}
}
