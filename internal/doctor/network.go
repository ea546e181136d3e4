package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"gostore/internal/fetch"
)

var networkProbe = Probe{
	Name: "network", About: "proxies, module proxies and registries: whether they are well written, and can be reached",
	Kinds: []Kind{
		{"proxy-malformed", "a variable that should hold a proxy holds none"},
		{"proxy-twofold", "a proxy is set twice, in capitals and not, to different values"},
		{"proxy-exception", "NO_PROXY has an entry that fits nothing"},
		{"proxy-unreachable", "nobody answers at the proxy"},
		{"goproxy-malformed", "GOPROXY cannot be understood"},
		{"goproxy-none", "GOPROXY names no module proxy, so that no Go toolchain comes from one"},
		{"upstream-unreachable", "a module proxy or registry cannot be reached"},
		{"certificates-missing", "a variable names a file of certificates that is not there"},
		{"upstream-certificate", "the certificate of a module proxy or registry is not good here"},
	},
	run: func(ctx context.Context, h *Host) []Finding {
		found := slices.Concat(h.proxies(), h.goproxy(), h.certificates())
		if !h.Offline {
			away := h.reachProxies(ctx)
			found = slices.Concat(found, away, h.reachUpstreams(ctx, len(away) > 0))
		}
		return found
	},
}

// reach is how long a server may take to answer.
const reach = 5 * time.Second

var proxyVariables = []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"}

// proxyOf returns what a proxy variable holds, and under which name.
func (h *Host) proxyOf(name string) (value, under string) {
	if v := h.getenv(name); v != "" {
		return v, name
	}
	return h.getenv(strings.ToLower(name)), strings.ToLower(name)
}

func (h *Host) proxies() []Finding {
	var found []Finding
	for _, name := range proxyVariables {
		value, under := h.proxyOf(name)
		if err := fetch.CheckProxy(value); err != nil {
			found = append(found, Finding{ID: "proxy-malformed", Severity: Problem, Subject: under, Title: under + " is no proxy: " + err.Error(),
				Evidence: h.proxyEvidence(under), Mend: append(mends(h.settings(under)), "export "+under+"=http://HOST:PORT")})
		}
	}
	for _, name := range append(slices.Clone(proxyVariables), "NO_PROXY") {
		small := strings.ToLower(name)
		if a, b := h.getenv(name), h.getenv(small); a != "" && b != "" && a != b {
			found = append(found, Finding{ID: "proxy-twofold", Severity: Warning, Subject: name, Mend: []string{fmt.Sprintf("export %s=\"$%s\"", small, name)},
				Evidence: append(h.proxyEvidence(name), h.proxyEvidence(small)...),
				Title:    fmt.Sprintf("%s and %s differ: some programs take the one, some the other", name, small)})
		}
	}
	return append(found, h.exceptions()...)
}

// proxyEvidence says where a proxy variable is set, without the password that may be in it.
func (h *Host) proxyEvidence(name string) []string {
	var list []string
	for _, s := range h.settings(name) {
		clean := s.value
		if strings.Contains(clean, "@") {
			if !strings.Contains(clean, "://") {
				clean = "http://" + clean
			}
			clean = fetch.Redact(clean)
		}
		list = append(list, strings.ReplaceAll(s.place, s.value, clean))
	}
	return list
}

// exceptions looks for entries of NO_PROXY that people write and that mean nothing: they are no URLs, and have no stars in them.
func (h *Host) exceptions() []Finding {
	value, under := h.proxyOf("NO_PROXY")
	var evidence []string
	for entry := range strings.SplitSeq(value, ",") {
		entry = strings.TrimSpace(entry)
		switch {
		case entry == "" || entry == "*" || strings.HasPrefix(entry, "*.") && !strings.Contains(entry[2:], "*"):
		case strings.Contains(entry, "://"):
			evidence = append(evidence, fmt.Sprintf("%q is a URL; want the host alone", fetch.Redact(entry)))
		case strings.ContainsAny(entry, " ;"):
			evidence = append(evidence, fmt.Sprintf("%q: entries are separated by commas", entry))
		case strings.Contains(entry, "*"):
			evidence = append(evidence, fmt.Sprintf("%q: only \"*\" alone and \"*.\" at the beginning mean anything", entry))
		case strings.Contains(entry, "/"):
			if _, _, err := net.ParseCIDR(entry); err != nil {
				evidence = append(evidence, fmt.Sprintf("%q is neither a host nor a network", entry))
			}
		}
	}
	if evidence == nil {
		return nil
	}
	return []Finding{{
		ID: "proxy-exception", Severity: Warning, Subject: under, Evidence: evidence,
		Title: under + " has entries that fit no host: what they should name goes through the proxy", Mend: []string{"export " + under + "=localhost,127.0.0.1,.corp.example"},
	}}
}

// moduleProxies returns the servers and directories of GOPROXY, and the word that ends it.
func moduleProxies(value string) (urls []string, end string) {
	for entry := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == '|' }) {
		entry = strings.TrimSpace(entry)
		if entry == "direct" || entry == "off" {
			return urls, entry
		}
		if entry != "" {
			urls = append(urls, entry)
		}
	}
	return urls, ""
}

func (h *Host) goproxy() []Finding {
	if !h.wants("go") && h.getenv("GOPROXY") == "" {
		return nil
	}
	urls, end := moduleProxies(h.ModuleProxy.Value)
	settings := h.settings("GOPROXY")
	f := Finding{Subject: "GOPROXY", Mend: mends(settings), Evidence: []string{"as in " + h.ModuleProxy.Origin}}
	for _, s := range settings {
		f.Evidence = append(f.Evidence, redacted(s))
	}
	if h.ModuleProxy.Err != nil {
		f.ID, f.Severity, f.Title = "goproxy-malformed", Problem, "what GOPROXY is cannot be found out"
		f.Evidence = lines(h.ModuleProxy.Err)
		f.Mend = append(f.Mend, "# or name one: export GOPROXY=https://HOST/PATH,direct")
		return []Finding{f}
	}
	for _, u := range urls {
		if why := badProxy(u); why != "" {
			f.ID, f.Severity, f.Title = "goproxy-malformed", Problem, fmt.Sprintf("GOPROXY has %q: %s", fetch.Redact(u), why)
			f.Mend = append(f.Mend, "# or name one: export GOPROXY=https://HOST/PATH,direct")
			return []Finding{f}
		}
	}
	if len(urls) == 0 && end != "" {
		f.ID, f.Severity = "goproxy-none", Warning
		f.Title = fmt.Sprintf("GOPROXY is %s: Go toolchains come from module proxies, or else from go.dev, and modules from nowhere", end)
		if end == "direct" {
			f.Title = "GOPROXY is direct: no module proxy serves Go toolchains, so they come from go.dev"
		}
		return []Finding{f}
	}
	return nil
}

// redacted returns a setting's place without what may be secret in it.
func redacted(s setting) string {
	var clean []string
	for _, word := range strings.Split(s.value, ",") {
		if strings.Contains(word, "://") {
			word = fetch.Redact(word)
		}
		clean = append(clean, word)
	}
	return strings.ReplaceAll(s.place, s.value, strings.Join(clean, ","))
}

// badProxy says what is wrong with an entry of GOPROXY, by the go command's rules.
func badProxy(entry string) string {
	if !strings.Contains(entry, "://") && !strings.HasPrefix(entry, "/") && !strings.HasPrefix(entry, "file:") && strings.ContainsAny(entry, ".:/") {
		entry = "https://" + entry
	}
	u, err := url.Parse(entry)
	switch {
	case err != nil:
		return "it is not a URL"
	case u.Scheme == "file":
		return ""
	case u.Scheme != "https" && u.Scheme != "http":
		return "want a URL with https, http or file, or one of direct and off"
	case u.Host == "":
		return "it has no host"
	}
	return ""
}

// authorities are the files in which systems keep the certificates of authorities, below /etc.
var authorities = []string{"ssl/certs/ca-certificates.crt", "pki/tls/certs/ca-bundle.crt", "ssl/ca-bundle.pem", "pki/tls/cacert.pem",
	"pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "ssl/cert.pem"}

// hasCertificates reports whether the system knows any authority. macOS keeps them elsewhere.
func (h *Host) hasCertificates() bool {
	return runtime.GOOS == "darwin" || slices.ContainsFunc(authorities, func(name string) bool { return exists(filepath.Join(h.Etc, name)) })
}

// certificates looks at the files that variables name in place of the system's.
func (h *Host) certificates() []Finding {
	var found []Finding
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "GOSTORE_CA_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"} {
		settings := h.settings(name)
		value := effective(settings)
		if !filepath.IsAbs(value) || name == "SSL_CERT_DIR" && strings.Contains(value, ":") || exists(value) {
			continue
		}
		found = append(found, Finding{
			ID: "certificates-missing", Severity: Problem, Subject: name, Evidence: evidence(settings), Mend: mends(settings),
			Title: fmt.Sprintf("%s names %s, which is not there: no server's certificate is good without it", name, h.short(value)),
		})
	}
	return found
}

// reachProxies dials the proxies; what they answer is between them and whoever uses them.
func (h *Host) reachProxies(ctx context.Context) []Finding {
	if h.Dial == nil {
		return nil
	}
	var found []Finding
	seen := map[string]bool{}
	for _, name := range proxyVariables {
		value, under := h.proxyOf(name)
		address := proxyAddress(value)
		if address == "" || seen[address] {
			continue
		}
		seen[address] = true
		limited, cancel := context.WithTimeout(ctx, reach)
		err := h.Dial(limited, address)
		cancel()
		if err != nil && ctx.Err() == nil {
			found = append(found, Finding{
				ID: "proxy-unreachable", Severity: Problem, Subject: under, Evidence: append(h.proxyEvidence(under), lines(err)...),
				Title: fmt.Sprintf("nobody answers at the proxy %s: every download fails", address), Mend: append(mends(h.settings(under)), "# or start the proxy, or the VPN that leads to it"),
			})
		}
	}
	return found
}

// proxyAddress returns HOST:PORT of a proxy, "" where it is none.
func proxyAddress(value string) string {
	if value == "" || fetch.CheckProxy(value) != nil {
		return ""
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil {
		return ""
	}
	byDefault := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), byDefault))
}

// upstream is a server that is asked for something.
type upstream struct{ url, what string }

// upstreams returns the servers that are configured.
func (h *Host) upstreams() []upstream {
	var list []upstream
	urls, _ := moduleProxies(h.ModuleProxy.Value)
	for _, u := range urls {
		if !strings.Contains(u, "://") && badProxy(u) == "" {
			u = "https://" + u
		}
		if strings.HasPrefix(u, "http") && badProxy(u) == "" {
			list = append(list, upstream{u, "the module proxy, as in " + h.ModuleProxy.Origin})
		}
	}
	if r := h.Registry.Value; strings.HasPrefix(r, "http") {
		list = append(list, upstream{r, "the npm registry, as in " + h.Registry.Origin})
	}
	return list
}

// dated is what a server said when it was asked for the time.
type dated struct {
	upstream
	date time.Time // zero where it did not say
	err  error
}

// dates asks each server once, all at the same time, whoever wants to know.
func (h *Host) dates(ctx context.Context) []dated {
	h.asking.Do(func() {
		if h.Offline || h.ServerDate == nil {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, reach)
		defer cancel()
		var wait sync.WaitGroup
		servers := h.upstreams()
		h.asked = make([]dated, len(servers))
		for i, u := range servers {
			wait.Go(func() {
				date, err := h.ServerDate(ctx, u.url)
				h.asked[i] = dated{u, date, err}
			})
		}
		wait.Wait()
	})
	return h.asked
}

// reachUpstreams says which servers could not be asked. Of those behind a proxy that is away, enough was said.
func (h *Host) reachUpstreams(ctx context.Context, proxyAway bool) []Finding {
	var found []Finding
	for _, d := range h.dates(ctx) {
		var proxy *fetch.ProxyError
		if proxyAway && errors.As(d.err, &proxy) && proxy.Code == 0 {
			continue
		}
		if d.err != nil && ctx.Err() == nil {
			found = append(found, h.aboutUpstream(d.upstream, d.err))
		}
	}
	return found
}

func (h *Host) aboutUpstream(u upstream, err error) Finding {
	f := Finding{ID: "upstream-unreachable", Severity: Problem, Subject: fetch.Redact(u.url), Evidence: append([]string{u.what}, lines(err)...)}
	var proxy *fetch.ProxyError
	var dns *net.DNSError
	var authority *fetch.AuthorityError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority), errors.As(err, &unknown):
		f.ID = "upstream-certificate"
		f.Title = fmt.Sprintf("the certificate of %s was issued by an authority that is not known here: a company's own, or somebody between", f.Subject)
		f.Mend = []string{"export GOSTORE_CA_FILE=FILE # with the authority's certificate, in PEM; for good: ca in the table network of the configuration"}
		if !h.hasCertificates() {
			f.Title = fmt.Sprintf("the certificate of %s cannot be checked: this system knows no authorities at all", f.Subject)
			f.Mend = []string{"# install the package ca-certificates"}
		}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		f.ID = "upstream-certificate"
		f.Title = fmt.Sprintf("by this machine's clock the certificate of %s is not valid now: the clock is wrong, or the certificate has run out", f.Subject)
		f.Evidence = append(f.Evidence, "the clock says "+h.Now.UTC().Format(time.RFC3339))
		f.Mend = []string{"timedatectl set-ntp true"}
	case errors.As(err, &dns):
		f.Title = fmt.Sprintf("the name of %s has no address: no network, or a name server that does not know it", f.Subject)
		f.Mend = []string{"# see whether there is a network; without one: gostore --offline"}
	case errors.As(err, &proxy) && proxy.Code != 0:
		f.Title = fmt.Sprintf("the proxy refuses the way to %s", f.Subject)
		f.Mend = []string{"# put the name and the password into the URL of the proxy, or the host into NO_PROXY"}
	case errors.As(err, &proxy):
		f.Title = fmt.Sprintf("%s cannot be reached: the proxy before it does not answer", f.Subject)
		f.Mend = []string{"# start the proxy, or take it out of the environment and of the table network of the configuration"}
	default:
		f.Title = fmt.Sprintf("%s cannot be reached", f.Subject)
		f.Mend = []string{"# see whether a proxy is needed (HTTPS_PROXY); without a network: gostore --offline"}
	}
	return f
}
