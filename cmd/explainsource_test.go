package cmd

import (
	"errors"
	"strings"
	"testing"

	"gostore/internal/fetch"
)

// TestNetworkHint wants advice about what was asked: GOPROXY is no help where node's site is silent.
func TestNetworkHint(t *testing.T) {
	for url, want := range map[string]string{
		"https://proxy.example.org/golang.org/toolchain/@v/list": "check the network and GOPROXY",
		"https://sum.example.org/lookup/golang.org/toolchain@v":  "check the network and GOPROXY",
		"https://go.dev/dl/":                    "go.dev is asked where no module proxy is known",
		"https://node.example.org/index.json":   "check the network, or name a mirror",
		"https://example.org/prettier-3.10.tgz": "check the network, or name a mirror",
	} {
		code, tips := explain(&fetch.Error{URL: url, Err: errors.New("no such host")})
		if code != exitNetwork || len(tips) == 0 || !strings.HasPrefix(tips[0], want) {
			t.Errorf("%s: %d %q, want %q", url, code, tips, want)
		}
	}
}
