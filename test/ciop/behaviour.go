//go:build linux

package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// Parameters of a job that tell this stand-in how to behave.
const (
	parameterPrefix  = "STANDIN_"
	provisionDelay   = parameterPrefix + "PROVISION_DELAY"
	deprovisionDelay = parameterPrefix + "DEPROVISION_DELAY"
	failParameter    = parameterPrefix + "FAIL"
	neverReady       = parameterPrefix + "NEVER_READY"
	phaseProvision   = "provision"
	phaseDeprovision = "deprovision"
)

// behaviour is how slow, or how broken, the cloud is for one job.
type behaviour struct {
	ProvisionDelay   time.Duration
	DeprovisionDelay time.Duration

	// Fail is the phase that fails; none when empty.
	Fail string

	// NeverReady keeps the cluster from ever coming up.
	NeverReady bool
}

// with returns the behaviour that a job's parameters ask for.
func (b behaviour) with(env map[string]string) (behaviour, error) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, parameterPrefix) {
			continue
		}

		var err error

		switch v := env[name]; name {
		case provisionDelay:
			b.ProvisionDelay, err = time.ParseDuration(v)
		case deprovisionDelay:
			b.DeprovisionDelay, err = time.ParseDuration(v)
		case neverReady:
			b.NeverReady, err = strconv.ParseBool(v)
		case failParameter:
			b.Fail = v
			if v != phaseProvision && v != phaseDeprovision {
				err = errors.Errorf("must be %s or %s", phaseProvision, phaseDeprovision)
			}
		default:
			err = errors.New("unknown")
		}

		if err != nil {
			return behaviour{}, errors.Wrapf(err, "invalid parameter %s", name)
		}
	}

	return b, nil
}
