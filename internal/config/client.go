package config

import (
	"errors"
	"fmt"
	"io/fs"

	"gostore/internal/fetch"
)

// Client returns a client that does as c says, with the rules for all sources; the other fields are the caller's to set before its first use. It reads the
// files that c names. Warnings are what is not right and yet no error, a sentence each.
func (c Config) Client() (client *fetch.Client, warnings []string, err error) {
	client = &fetch.Client{Mirrors: c.MirrorsFor(""), Offline: c.Offline}
	if client.Proxy, err = c.Proxies.Func(); err != nil {
		return nil, nil, err
	}
	if c.CA != "" {
		if client.Roots, err = fetch.Roots(c.CA); err != nil {
			return nil, nil, err
		}
	}
	if c.Netrc == "" {
		return client, nil, nil
	}
	netrc, err := fetch.ReadNetrc(c.Netrc)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !c.NetrcNeeded:
		return client, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("reading passwords: %w", err)
	}
	if len(netrc.Machines) > 0 {
		client.Credentials = netrc.Lookup
	}
	if netrc.Exposed {
		warnings = append(warnings, fmt.Sprintf("%q holds passwords and can be read by others", c.Netrc))
	}
	return client, warnings, nil
}
