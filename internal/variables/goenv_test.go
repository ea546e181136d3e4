package variables

import (
	"slices"
	"strings"
	"testing"

	"gostore/internal/goenv"
)

func TestReturning(t *testing.T) {
	f := goenv.Parse("", []byte("GOFLAGS=-x\nGOROOT=/r\nGOPRIVATE=p\nGOTOOLDIR=/t\nGOPROXY=\nGOVCS=v\n"))
	names := []string{"GOVCS", "GOROOT", "GOFLAGS", "GOFLAGS", "GOTOOLDIR", "GOPROXY", "GOBIN"}
	got := Returning(f, []string{"GOFLAGS=", "GOVCS=set"}, names)
	if want := []string{"GOFLAGS", "GOPROXY", "GOROOT"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFights(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"GOFLAGS", "-v -mod=vendor", "-mod decides"},
		{"GOFLAGS", "'-toolexec=a b' --overlay=x", "-overlay builds other files"},
		{"GOFLAGS", "-trimpath -count=1 mod", ""},
		{"GOFLAGS", "", ""},
		{"GOTOOLCHAIN", "go1.21.0", "another one"},
		{"GOTOOLCHAIN", "local", ""},
		{"GOROOT", "/r", "this tree"},
		{"GOPROXY", "off", "no module"},
		{"GOPROXY", "https://example.org", ""},
		{"GOSUMDB", "off", "checksum database"},
		{"GOSUMDB", "sum.example.org", ""},
		{"GO111MODULE", "off", "go.mod is ignored"},
		{"GO111MODULE", "on", ""},
		{"GOOS", "js", "this platform"},
		{"GOPRIVATE", "x", ""},
	} {
		got := Fights(c.name, c.value)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s=%s: %q, want %q", c.name, c.value, got, c.want)
		}
	}
}
