package cmd

import (
	"testing"
	"time"
)

func TestGenerationArg(t *testing.T) {
	for arg, want := range map[string][2]string{
		"3": {"", "3"}, "999999999": {"", "999999999"}, "current": {"", "current"}, "work:3": {"work", "3"}, "work:current": {"work", "current"}, "12:3": {"12", "3"},
		"1234567890": {}, "": {}, ":3": {}, "work:": {}, "b3:1234": {}, "-1": {}, "+1": {}, "1.5": {}, "HEAD:3x": {}, "a/b:3": {}, "-p:3": {}, "HEAD~3:gostore.lock": {}, "a:b:3": {},
	} {
		name, number, ok := generationArg(arg)
		if !ok {
			name, number = "", ""
		}
		if got := [2]string{name, number}; got != want {
			t.Errorf("%q is %q, want %q", arg, got, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"2d": now.AddDate(0, 0, -2), "90m": now.Add(-90 * time.Minute), "2026-01-31": time.Date(2026, 1, 31, 0, 0, 0, 0, time.Local),
		"2026-01-31 12:30": time.Date(2026, 1, 31, 12, 30, 0, 0, time.Local), "2026-01-31T12:30:00Z": time.Date(2026, 1, 31, 12, 30, 0, 0, time.UTC),
	} {
		if got, err := parseTime(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "soon", "31.1.2026", "2026-13-01", "-1d"} {
		if got, err := parseTime(s, now); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}
