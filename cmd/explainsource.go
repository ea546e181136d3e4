package cmd

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"gostore/internal/fetch"
	"gostore/internal/source/asset"
	"gostore/internal/source/gomodule"
	"gostore/internal/source/goproxy"
	"gostore/internal/source/npm"
)

// The rules for what goes wrong between a request and its archive.

// explainMissing is for what gostore has to be told first: that it may use the network, whom to ask, which digest to expect.
func explainMissing(err error) (int, []string) {
	var (
		absent   *absentError
		offline  *fetch.OfflineError
		proxy    *goproxy.NoProxyError
		registry *npm.NoRegistryError
		unstated *asset.UnstatedError
		old      *gomodule.ToolchainError
	)
	switch {
	case errors.As(err, &absent):
		return explainOffline(absent)
	case errors.As(err, &offline):
		return exitNetwork, []string{"leave --offline out, and GOSTORE_OFFLINE, or name an exact version that is here"}
	case errors.As(err, &proxy):
		return exitFailed, []string{"set GOPROXY to the URL of a module proxy (export GOPROXY=https://...) or to a mirror on disk (file:///DIRECTORY)"}
	case errors.As(err, &registry):
		return exitFailed, []string{"set NPM_CONFIG_REGISTRY to the URL of an npm registry (export NPM_CONFIG_REGISTRY=https://...)"}
	case errors.As(err, &unstated):
		return exitUsage, []string{"give the digest that its author states: --digest sha256:...",
			"or believe what is served now: --trust-on-first-use, which the lock then says"}
	case errors.As(err, &old):
		return exitFailed, []string{"lock a newer Go as well, beside the one that the project uses: gostore lock --add go@" + old.Need,
			"or ask for an older version of the tool"}
	}
	return exitOK, nil
}

// explainRequest is for requests that are none.
func explainRequest(err error) (int, []string) {
	var toolchain *goproxy.RequestError
	var module *gomodule.RequestError
	switch {
	case errors.As(err, &toolchain):
		return exitUsage, []string{"such as go@1.22, go@1.22.6, go@latest"}
	case errors.As(err, &module):
		return exitUsage, []string{"such as golang.org/x/tools/gopls@v0.24"}
	}
	return exitOK, nil
}

func explainNetwork(err error) (int, []string) {
	var (
		index     *asset.IndexError
		authority *fetch.AuthorityError
		proxy     *fetch.ProxyError
		command   *gomodule.CommandError
		status    *fetch.StatusError
		network   *fetch.Error
	)
	switch {
	case errors.As(err, &index):
		return exitNetwork, []string{"what upstream lists cannot be used: try again later, or give the archive with --url and --digest"}
	case errors.As(err, &authority):
		return exitNetwork, []string{"where the network has an authority of its own, name its certificates: GOSTORE_CA_FILE, or ca in the configuration"}
	case errors.As(err, &proxy) && proxy.Code == 407:
		return exitNetwork, []string{"the proxy wants a name and a password: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT"}
	case errors.As(err, &proxy):
		return exitNetwork, []string{"see HTTPS_PROXY and NO_PROXY, and the proxy in the configuration"}
	case errors.As(err, &command) && command.Network:
		return exitNetwork, []string{"check the network and GOPROXY; what was downloaded is kept"}
	case errors.As(err, &status):
		return explainStatus(status)
	case errors.As(err, &network) && strings.HasPrefix(network.URL, "https://go.dev/"):
		return exitNetwork, []string{"go.dev is asked where no module proxy is known; to ask one: export GOPROXY=https://HOST/PATH",
			"otherwise check the network; downloads go on where they stopped"}
	case errors.As(err, &network):
		return exitNetwork, []string{networkHint(network.URL)}
	case errors.Is(err, context.DeadlineExceeded):
		return exitNetwork, []string{"try again; downloads go on where they stopped"}
	}
	return exitOK, nil
}

// explainStatus is for what servers answer.
func explainStatus(status *fetch.StatusError) (int, []string) {
	switch {
	case errors.Is(status, fs.ErrNotExist):
		return exitNotFound, []string{"the server does not have it; another GOPROXY or mirror may"}
	case status.Code == 401, status.Code == 403:
		return exitNetwork, []string{"the server does not serve this, or wants to know who asks: passwords belong into ~/.netrc"}
	}
	return exitNetwork, []string{"the server failed; try again later or use another GOPROXY or mirror"}
}

// networkHint says where to look when nobody answers: at GOPROXY only where that is what was asked.
func networkHint(url string) string {
	for _, part := range []string{"/@v/", "/@latest", "/lookup/", "/tile/", "golang.org/toolchain"} {
		if strings.Contains(url, part) {
			return "check the network and GOPROXY; downloads go on where they stopped"
		}
	}
	return "check the network, or name a mirror (docs/configuration.md); downloads go on where they stopped"
}
