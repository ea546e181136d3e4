package tests

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const editedMod = "module example.com/edited\n\ngo 1.21\n"

// editedText has its fmt.Println at a place that the test computes, and a mistake.
const editedText = `package main

import "fmt"

var number int = "text"

func main() { fmt.Println(number) }
`

// checkEditor links the project, which has a Go and gopls locked, and edits a module in it through .gostore/bin/gopls, which is
// started as a desktop starts an editor: with a home and not one variable more, in another directory.
func (w *world) checkEditor(t *testing.T) {
	inner := *w
	w, inner.t = &inner, t
	w.write(w.dir, map[string]string{"go.mod": editedMod, "main.go": editedText})
	t.Cleanup(func() { w.sh("rm go.mod main.go && gostore link --remove") })
	w.sh("gostore link")
	goroot, err := filepath.EvalSymlinks(filepath.Join(w.dir, ".gostore", "goroot"))
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(filepath.Dir(w.dir), "home")
	c := startLSP(t, filepath.Join(w.dir, ".gostore", "bin", "gopls"), []string{"HOME=" + home})
	file := (&url.URL{Scheme: "file", Path: filepath.Join(w.dir, "main.go")}).String()
	c.call("initialize", map[string]any{"processId": nil, "rootUri": (&url.URL{Scheme: "file", Path: w.dir}).String(), "capabilities": map[string]any{}}, nil)
	c.notify("initialized", map[string]any{})
	c.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": file, "languageId": "go", "version": 1, "text": editedText}})

	line, character := position(editedText, "Println")
	at := map[string]any{"textDocument": map[string]any{"uri": file}, "position": map[string]any{"line": line, "character": character}}
	var found []struct{ URI string }
	c.call("textDocument/definition", at, &found)
	if want := (&url.URL{Scheme: "file", Path: goroot + "/src/fmt/print.go"}).String(); len(found) != 1 || found[0].URI != want {
		t.Errorf("fmt.Println is defined in %v, want %s", found, want)
	}
	var hover struct{ Contents struct{ Value string } }
	c.call("textDocument/hover", at, &hover)
	if !strings.Contains(hover.Contents.Value, "func fmt.Println(a ...any)") {
		t.Errorf("hovering says %q", hover.Contents.Value)
	}
	if said := c.diagnostics(file); !strings.Contains(said, "number") && !strings.Contains(said, "string") {
		t.Errorf("of the mistake it says %q", said)
	}
	c.end()

	// The locked Go is the one that runs, also when the module asks for a newer one.
	for _, command := range []string{".gostore/bin/go", "GOTOOLCHAIN=local .gostore/goroot/bin/go"} {
		if got := w.sh("env -i HOME=$HOME " + command + " env GOROOT"); strings.TrimSpace(got) != goroot {
			t.Errorf("%s: GOROOT is %q, want %q", command, got, goroot)
		}
		w.sh("sed -i.was 's/^go .*/go 1.99/' go.mod")
		if got := w.fails(1, "env -i HOME=$HOME "+command+" build ./..."); !strings.Contains(got, "GOTOOLCHAIN=local") {
			t.Errorf("%s: %q", command, got)
		}
		w.sh("mv go.mod.was go.mod")
	}
}

// position returns where in text a word is, as the protocol counts.
func position(text, word string) (line, character int) {
	before, _, _ := strings.Cut(text, word)
	return strings.Count(before, "\n"), len(before) - strings.LastIndex(before, "\n") - 1
}

// lsp is a language server and what it said so far.
type lsp struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	id    int
	said  map[string]string // by file, the newest diagnostics that are not empty
	noise strings.Builder   // its stderr
}

func startLSP(t *testing.T, program string, environ []string) *lsp {
	t.Helper()
	c := &lsp{t: t, cmd: exec.CommandContext(t.Context(), program), said: map[string]string{}}
	c.cmd.Dir, c.cmd.Env, c.cmd.Stderr = "/", environ, &c.noise
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// message is any message of the protocol.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

func (c *lsp) send(m message) {
	c.t.Helper()
	m.Version = "2.0"
	data, err := json.Marshal(m)
	if err == nil {
		_, err = fmt.Fprintf(c.in, "Content-Length: %d\r\n\r\n%s", len(data), data)
	}
	if err != nil {
		c.t.Fatalf("%v\n%s", err, c.noise.String())
	}
}

func (c *lsp) notify(method string, params any) {
	c.t.Helper()
	c.send(message{Method: method, Params: params})
}

// call asks and waits for the answer.
func (c *lsp) call(method string, params, result any) {
	c.t.Helper()
	c.id++
	id := json.RawMessage(strconv.Itoa(c.id))
	c.send(message{ID: id, Method: method, Params: params})
	for {
		m := c.receive()
		if m.Method != "" || string(m.ID) != string(id) {
			continue
		}
		if m.Error != nil {
			c.t.Fatalf("%s: %s\n%s", method, m.Error, c.noise.String())
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				c.t.Fatalf("%s: %v in %s", method, err, m.Result)
			}
		}
		return
	}
}

// receive returns the next message, having answered it if it is a question and kept it if it is a diagnosis.
func (c *lsp) receive() message {
	c.t.Helper()
	size := 0
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			c.t.Fatalf("the server has gone: %v\n%s", errors.Join(err, c.cmd.Wait()), c.noise.String())
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if value, ok := strings.CutPrefix(line, "Content-Length:"); ok {
			if size, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(c.out, data); err != nil {
		c.t.Fatal(err)
	}
	var m struct {
		message
		Params json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		c.t.Fatal(err)
	}
	switch {
	case m.Method == "textDocument/publishDiagnostics":
		var p struct {
			URI         string
			Diagnostics []struct{ Message string }
		}
		if err := json.Unmarshal(m.Params, &p); err != nil {
			c.t.Fatal(err)
		}
		for _, d := range p.Diagnostics {
			c.said[p.URI] += d.Message + "\n"
		}
	case m.Method != "" && m.ID != nil:
		c.send(message{ID: m.ID, Result: json.RawMessage("null")})
	}
	return m.message
}

// diagnostics waits until something is said about a file.
func (c *lsp) diagnostics(file string) string {
	c.t.Helper()
	for c.said[file] == "" {
		c.receive()
	}
	return c.said[file]
}

func (c *lsp) end() {
	c.t.Helper()
	c.call("shutdown", nil, nil)
	c.notify("exit", nil)
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("%v\n%s", err, c.noise.String())
	}
}

// TestLSPPosition holds the one computation of the test above.
func TestLSPPosition(t *testing.T) {
	if line, character := position(editedText, "Println"); line != 6 || character != 18 {
		t.Errorf("%d:%d in\n%s", line, character, editedText)
	}
}
