package main

import (
	"math"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// A timeout is a duration as Go writes it or as sleep takes it, in which a number alone is
// of seconds, and d stands for days: pipelines were written for a task that slept.
type timeout time.Duration

// UnmarshalText reads a timeout.
func (t *timeout) UnmarshalText(text []byte) error {
	s, unit := string(text), int64(1)

	switch days, ok := strings.CutSuffix(s, "d"); {
	case number(s):
		s += "s"
	case ok && number(days):
		s, unit = days+"h", 24
	}

	d, err := time.ParseDuration(s)
	if err != nil || int64(d) > math.MaxInt64/unit {
		return errors.Errorf("must be a duration, such as 2h, 90m, or 7200 for seconds, not %q", text)
	}

	*t = timeout(int64(d) * unit)

	return nil
}

func number(s string) bool { return s != "" && strings.Trim(s, "0123456789.") == "" }
