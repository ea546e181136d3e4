package fetch

import (
	"context"
	"net/http"
	"time"
)

// Date asks the server of url for the time, once and without waiting for a server that is busy. The zero time is that of an
// answer which does not say; any answer will do, an error status included. Errors are those of Get, without the ones that speak of a status.
func (c *Client) Date(ctx context.Context, url string) (time.Time, error) {
	resp, err := c.do(ctx, http.MethodHead, url, nil)
	if err != nil {
		return time.Time{}, explain(ctx, url, err)
	}
	resp.Body.Close()
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}, nil
	}
	return date, nil
}
