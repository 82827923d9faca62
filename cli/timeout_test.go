package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestTimeout(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   timeout
		err    error
	}{
		"Go":      {reason: "Durations are as Go writes them.", text: "1h30m", want: timeout(90 * time.Minute)},
		"Seconds": {reason: "To sleep, a number is one of seconds.", text: "7200", want: timeout(2 * time.Hour)},
		"Parts":   {reason: "It may be any,", text: "1.5", want: timeout(1500 * time.Millisecond)},
		"Days":    {reason: "and of days,", text: "1d", want: timeout(24 * time.Hour)},
		"Half":    {reason: "or parts of them.", text: "0.5d", want: timeout(12 * time.Hour)},
		"Minus":   {reason: "What is too little is told elsewhere.", text: "-1s", want: timeout(-time.Second)},
		"Mixed":   {reason: "What could mean several things means none:", text: "1h30", err: cmpopts.AnyError},
		"Sum":     {reason: "sleep does not add up, either,", text: "1d12h", err: cmpopts.AnyError},
		"Word":    {reason: "and a word is no duration,", text: "soon", err: cmpopts.AnyError},
		"Unit":    {reason: "nor is a unit,", text: "d", err: cmpopts.AnyError},
		"Empty":   {reason: "or nothing.", text: "", err: cmpopts.AnyError},
		"TooMany": {reason: "Nobody waits for longer than there are years.", text: "1000000d", err: cmpopts.AnyError},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got timeout

			err := got.UnmarshalText([]byte(tc.text))
			if diff := cmp.Diff(tc.err, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nUnmarshalText(%q): -want error, +got error:\n%s", tc.reason, tc.text, diff)
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nUnmarshalText(%q): -want, +got:\n%s", tc.reason, tc.text, diff)
			}
		})
	}
}
