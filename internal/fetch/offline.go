package fetch

import "fmt"

// OfflineError says that something would have to be read from the network, and that Client.Offline forbids it. No socket
// was opened.
type OfflineError struct {
	URL string // without user information and query
}

func (e *OfflineError) Error() string { return fmt.Sprintf("reading %q: not while offline", e.URL) }
