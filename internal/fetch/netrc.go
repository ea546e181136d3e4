package fetch

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"

	"gostore/internal/textfile"
)

// maxNetrc bounds a .netrc file.
const maxNetrc = 1 << 20

// Netrc is what a .netrc file says: names and passwords by host. The format is that of ftp(1), with the quoted strings
// that curl and others read:
//
//	machine proxy.example.com login me password "with \"quotes\" and spaces"   # a comment
//
// Words are separated by white space, line ends included. "account" and macro definitions ("macdef", up to the next empty line) are
// read and not used. So is "default", as in the go command: it would send a password to every host that some project's file
// names. A value begins with a quote only if it is quoted; in it \n, \r and \t are control characters and \ before
// anything else takes that literally.
type Netrc struct {
	Machines []Machine
	Exposed  bool // the file holds passwords and others than its owner may read it
}

// Machine is an entry of a .netrc file. Login and Password may be empty.
type Machine struct{ Name, Login, Password string }

// Lookup returns the name and the password for a host, which may have a port: those of the first entry with both for the host
// with its port, else for the host. Its method value fits Client.Credentials.
func (n Netrc) Lookup(host string) (user, password string, ok bool) {
	names := []string{host}
	if name, _, err := net.SplitHostPort(host); err == nil {
		names = append(names, name)
	}
	for _, name := range names {
		i := slices.IndexFunc(n.Machines, func(m Machine) bool {
			return strings.EqualFold(m.Name, name) && m.Login != "" && m.Password != ""
		})
		if i >= 0 {
			return n.Machines[i].Login, n.Machines[i].Password, true
		}
	}
	return "", "", false
}

// ReadNetrc reads the file path. What is wrong with it is a textfile.ErrorList, which shows nothing of the contents: any word could be
// a password. A file that is not there satisfies fs.ErrNotExist.
func ReadNetrc(path string) (Netrc, error) {
	if path == os.DevNull { // how other programs are told to use none
		return Netrc{}, nil
	}
	data, err := textfile.Read(path, maxNetrc)
	if err != nil {
		return Netrc{}, err
	}
	n, err := ParseNetrc(path, data)
	if err != nil {
		return Netrc{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Netrc{}, err
	}
	secret := slices.ContainsFunc(n.Machines, func(m Machine) bool { return m.Password != "" })
	n.Exposed = secret && info.Mode()&fs.FileMode(0o077) != 0
	return n, nil
}

// ParseNetrc reads the text of a .netrc file. name is what complaints call it. It is strict: a word that is not known, a value
// without a machine, a second one of a kind and a missing one are complaints.
func ParseNetrc(name string, data []byte) (Netrc, error) {
	p := &netrcParser{file: name, rest: string(data), line: 1, column: 1}
	for p.entry() {
	}
	if len(p.errs) > 0 {
		return Netrc{}, p.errs
	}
	return p.netrc, nil
}

type netrcParser struct {
	file         string
	rest         string // not yet read
	line, column int    // where rest begins
	errs         textfile.ErrorList

	netrc Netrc
	open  bool            // there is a machine, or the default, that values can belong to
	last  bool            // it is the default
	seen  map[string]bool // the values that it has
}

func (p *netrcParser) complain(line, column int, msg string) {
	p.errs = append(p.errs, &textfile.Error{File: p.file, Line: line, Column: column, Msg: msg})
}

// entry reads one word and what belongs to it. It reports whether there was one.
func (p *netrcParser) entry() bool {
	p.space(true)
	line, column := p.line, p.column
	word := p.bare()
	switch word {
	case "":
		return false
	case "machine":
		name, ok := p.value(word)
		if p.last {
			p.complain(line, column, `a "machine" after "default", which must be the last`)
		}
		if ok && (name == "" || strings.Contains(name, "/")) {
			p.complain(line, column, `"machine": want the name of a host, not a URL`)
		}
		p.netrc.Machines = append(p.netrc.Machines, Machine{Name: name})
		p.open, p.seen = true, map[string]bool{}
	case "default":
		if p.last {
			p.complain(line, column, `a second "default"`)
		}
		p.open, p.last, p.seen = true, true, map[string]bool{}
	case "login", "password", "account":
		p.set(word, line, column)
	case "macdef":
		if _, ok := p.value(word); ok {
			p.skipMacro()
		}
	default:
		p.complain(line, column, "unknown word; known here: machine, default, login, password, account, macdef. A value with spaces needs double quotes")
	}
	return true
}

// set reads a value of the machine that is open.
func (p *netrcParser) set(word string, line, column int) {
	value, ok := p.value(word)
	switch {
	case !ok:
		return
	case !p.open:
		p.complain(line, column, `"`+word+`" before any "machine"`)
		return
	case p.seen[word]:
		p.complain(line, column, `a second "`+word+`" for one machine`)
	}
	p.seen[word] = true
	if p.last {
		return
	}
	m := &p.netrc.Machines[len(p.netrc.Machines)-1]
	switch word {
	case "login":
		m.Login = value
	case "password":
		m.Password = value
	}
}

// value reads what must follow a word. It complains when there is nothing, or only half of a quoted string.
func (p *netrcParser) value(word string) (string, bool) {
	p.space(false)
	line, column := p.line, p.column
	if p.rest == "" {
		p.complain(line, column, `the file ends after "`+word+`": its value is missing`)
		return "", false
	}
	if p.rest[0] != '"' {
		return p.bare(), true
	}
	value, size, err := unquoteNetrc(p.rest)
	p.advance(size)
	if err != nil {
		p.complain(line, column, err.Error())
	}
	return value, err == nil
}

// space skips white space, and comments where a word may begin.
func (p *netrcParser) space(comments bool) {
	for p.rest != "" {
		switch {
		case strings.IndexByte(netrcSpace, p.rest[0]) >= 0:
			p.advance(1)
		case comments && p.rest[0] == '#':
			line, _, _ := strings.Cut(p.rest, "\n")
			p.advance(len(line))
		default:
			return
		}
	}
}

const netrcSpace = " \t\r\n"

// bare reads up to the next white space.
func (p *netrcParser) bare() string {
	size := strings.IndexAny(p.rest, netrcSpace)
	if size < 0 {
		size = len(p.rest)
	}
	word := p.rest[:size]
	p.advance(size)
	return word
}

// skipMacro skips the rest of the line and all lines up to an empty one.
func (p *netrcParser) skipMacro() {
	for p.rest != "" {
		line, _, _ := strings.Cut(p.rest, "\n")
		start := p.column == 1
		p.advance(min(len(line)+1, len(p.rest)))
		if start && strings.TrimSuffix(line, "\r") == "" {
			return
		}
	}
}

func (p *netrcParser) advance(size int) {
	for _, c := range []byte(p.rest[:size]) {
		p.column++
		if c == '\n' {
			p.line, p.column = p.line+1, 1
		}
	}
	p.rest = p.rest[size:]
}

// unquoteNetrc reads the quoted string that s begins with. It returns what it means and how long it is written.
func unquoteNetrc(s string) (value string, size int, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return b.String(), i + 1, nil
		case '\n':
			return "", i, errors.New("a quoted value does not end in its line")
		case '\\':
			if i++; i == len(s) || s[i] == '\n' {
				return "", i, errors.New("a quoted value does not end in its line")
			}
			b.WriteByte(unescapeNetrc(s[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", len(s), errors.New("a quoted value does not end in its line")
}

func unescapeNetrc(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
