package redact

import (
	"strings"
	"testing"
	"unicode/utf8"
)

var ann = Person{
	Home: "/home/ann", Users: []string{"ann", "annsudo"}, Host: "annbook.corp.example",
	Environ: []string{"HOME=/home/ann", "NPM_TOKEN=abcdefgh12345", "SSH_AUTH_SOCK=/run/agent.sock", "SHORT_TOKEN=ab", "DB_PASSWORD=hunter2 and more"},
}

func TestText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// URLs.
		{"HTTPS_PROXY=http://bob:s3cret@proxy.example:3128", "HTTPS_PROXY=http://[removed]@proxy.example:3128"},
		{"http://bob@proxy.example/", "http://[removed]@proxy.example/"},
		{"http://bob:p@ss@proxy.example", "http://[removed]@proxy.example"},
		{"http://bob:p/ss@proxy.example", "http://[removed]@proxy.example"},
		{"https://proxy.example/golang.org/x/mod/@v/list", "https://proxy.example/golang.org/x/mod/@v/list"},
		{"https://proxy.example:8080/a/@latest", "https://proxy.example:8080/a/@latest"},
		{"see https://files.example/x.zip?X-Signature=abc#top.", "see https://files.example/x.zip?[removed]."},
		{"https://a:b@one.example,https://c:d@two.example", "https://[removed]@two.example"},
		{"file:///home/ann/mirror@2/x", "file://~/mirror@2/x"},
		{"deploy@git.example:team/tools.git", "[removed]@git.example:team/tools.git"},
		// Settings.
		{"GITHUB_TOKEN=abc", "GITHUB_TOKEN=[removed]"},
		{"export AWS_SECRET_ACCESS_KEY='a b c' # mine", "export AWS_SECRET_ACCESS_KEY=[removed] # mine"},
		{`{"password": "x y", "user": "z"}`, `{"password": [removed], "user": "z"}`},
		{"Authorization: Bearer abc.def", "Authorization: [removed]"},
		{"//registry.example/:_authToken=abc", "//registry.example/:_authToken=[removed]"},
		{"curl --token abc x", "curl --token [removed] x"},
		{"machine a.example login b password c", "machine a.example login b password [removed]"},
		{"GOPATH=/srv/go", "GOPATH=/srv/go"},
		{"MONKEY=banana", "MONKEY=banana"},
		{"the token was not accepted", "the token was not accepted"},
		// Tokens by form.
		{"ghp_0123456789abcdefABCD", "[removed]"},
		{"got npm_0123456789abcdefABCD!", "got [removed]!"},
		{"eyJhbGciOiJI.eyJzdWIiOiIx.abc", "[removed]"},
		// Values of variables.
		{"it said abcdefgh12345 there", "it said [removed] there"},
		{"hunter2 and more", "[removed]"},
		{"ab is short", "ab is short"},
		{"/run/agent.sock", "/run/agent.sock"},
		// Names.
		{"/home/ann/src", "~/src"},
		{"PATH=/home/ann/bin:/home/ann", "PATH=~/bin:~"},
		{"/home/anna/src and /home/ann-old", "/home/anna/src and /home/USER-old"},
		{"/srv/ann/x of ann, not of joann or ann_2", "/srv/USER/x of USER, not of joann or ann_2"},
		{"annbook.corp.example and annbook", "HOST and HOST"},
		{"ann", "USER"},
		{"sudo by annsudo", "sudo by USER"},
		{"", ""},
	} {
		if got := ann.Text(c.text); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestNobodyKnown(t *testing.T) {
	const text = "/home/ann of ann on localhost: nothing to hide at https://a.example/b"
	if got := (Person{}).Text(text); got != text {
		t.Errorf("got %q", got)
	}
	root := Person{Home: "/root", Users: []string{"root", ""}, Host: "localhost"}
	if got := root.Text("/root/x, GOROOT of root on localhost"); got != "~/x, GOROOT of root on localhost" {
		t.Errorf("got %q", got)
	}
}

// FuzzText looks for a password that stays: whatever surrounds a URL or a setting.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", " ", "PROXY=", "a, ", "\"", "https://x.example/", "\xff", "\n#"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "Zq8xW3vK9t"
		for _, text := range []string{
			before + " http://bob:" + secret + "@proxy.example:3128 " + after,
			before + "\nNPM_TOKEN=" + secret + "\n" + after,
		} {
			p := Person{Environ: []string{"NPM_TOKEN=" + secret}}
			got := p.Text(text)
			if strings.Contains(got, secret) && !strings.Contains(before+after, secret) {
				t.Errorf("%q: %q", text, got)
			}
			if !utf8.ValidString(got) {
				t.Errorf("%q is no text", got)
			}
		}
		_ = ann.Text(before + after)
	})
}
