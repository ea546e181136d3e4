package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// ErrTooLarge says that an answer is longer than its reader allowed.
var ErrTooLarge = errors.New("answer is too large")

var (
	errStalled   = errors.New("the server stopped sending")
	errSilent    = errors.New("the server did not answer in time")
	errDowngrade = errors.New("refusing a redirect from https to http")
)

// StatusError is an answer whose status code says that it is not what was asked for.
// For 404 and 410, errors.Is(err, fs.ErrNotExist) holds.
type StatusError struct {
	URL        string // without user information and query
	Code       int
	Text       string        // first line of a plain-text body, "" when there is none
	RetryAfter time.Duration // as the server asked, 0 when it did not
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("reading %q: status %d %s", e.URL, e.Code, http.StatusText(e.Code))
	if e.Text != "" {
		s += ": " + e.Text
	}
	return strings.TrimSuffix(s, " ")
}

// Is lets errors.Is find fs.ErrNotExist.
func (e *StatusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.Code == http.StatusNotFound || e.Code == http.StatusGone)
}

// Error is a failure of the network, or of a server to keep to the protocol.
type Error struct {
	URL string // without user information and query
	Err error  // what happened; its own text may hold the URL unredacted, Error's does not
}

func (e *Error) Error() string { return fmt.Sprintf("reading %q: %s", e.URL, scrub(e.Err.Error())) }

// Unwrap returns what happened.
func (e *Error) Unwrap() error { return e.Err }

// finalError marks an error for which another attempt is of no use.
type finalError struct{ error }

func final(err error) error { return &finalError{err} }

func (e *finalError) Unwrap() error { return e.error }

// explain names url in err, unless err is about a local file or already names it.
func explain(ctx context.Context, rawURL string, err error) error {
	var (
		status  *StatusError
		local   *fs.PathError
		wrapped *url.Error
		settled *finalError
		offline *OfflineError
		unknown *AuthorityError
	)
	if errors.As(err, &settled) {
		err = settled.error
	}
	if errors.As(err, &offline) {
		return offline
	}
	if errors.As(err, &status) || errors.As(err, &local) {
		return err
	}
	if errors.As(err, &unknown) {
		err = unknown
	} else if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("reading %q: %w", Redact(rawURL), ctx.Err())
	}
	if err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("the connection broke off: %w", err)
	}
	return &Error{URL: Redact(rawURL), Err: err}
}

// statusError reads the beginning of an answer's body for what the server has to say.
func statusError(rawURL string, resp *http.Response) error {
	e := &StatusError{URL: Redact(rawURL), Code: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		start, _ := io.ReadAll(io.LimitReader(resp.Body, 1024)) // best effort
		line, _, _ := strings.Cut(strings.TrimSpace(string(start)), "\n")
		e.Text = scrub(printable(line))
	}
	return e
}

// printable keeps a server from sending control sequences to a terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

// Redact returns rawURL without what may be secret in it: user information and query.
func Redact(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		scheme, _, _ := strings.Cut(rawURL, ":")
		return printable(scheme) + ":…"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// scrub redacts the URLs in a text that another library made.
func scrub(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"']*`).ReplaceAllStringFunc(text, Redact)
}
