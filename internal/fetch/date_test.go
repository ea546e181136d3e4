package fetch

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestDate(t *testing.T) {
	at := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path == "/none" {
			w.Header()["Date"] = nil // keeps the server from stating one
		} else {
			w.Header().Set("Date", at.Format(http.TimeFormat))
		}
		w.WriteHeader(http.StatusServiceUnavailable) // any answer will do
	}))
	defer server.Close()
	client := new(Client)
	if got, err := client.Date(t.Context(), server.URL); err != nil || !got.Equal(at) || asked != 1 {
		t.Errorf("got %v, %v after %d requests", got, err, asked)
	}
	if got, err := client.Date(t.Context(), server.URL+"/none"); err != nil || !got.IsZero() {
		t.Errorf("got %v, %v", got, err)
	}
	server.Close()
	var failure *Error
	if _, err := client.Date(t.Context(), server.URL); !errors.As(err, &failure) {
		t.Errorf("got %v, want an *Error", err)
	}
	var offline *OfflineError
	if _, err := (&Client{Offline: true}).Date(t.Context(), server.URL); !errors.As(err, &offline) {
		t.Errorf("got %v, want an *OfflineError", err)
	}
}

// TestDateOfStranger asks a server whose authority nobody knows.
func TestDateOfStranger(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	var authority *AuthorityError
	if _, err := new(Client).Date(t.Context(), server.URL); !errors.As(err, &authority) {
		t.Errorf("got %v, want an *AuthorityError", err)
	}
}
