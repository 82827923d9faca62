#!/bin/sh
# Keeps the cluster until Secret test-done-signal exists in ci-operator's
# namespace. That namespace is on the build cluster, so KUBECONFIG, which points
# at the cluster under test, must not be used.
unset KUBECONFIG

# Nothing but the signal may end this loop: an error of the build cluster's API
# would otherwise destroy a cluster that is in use.
looks=0
while :; do
  status=0
  # ci-operator runs this under "set -eu": a look that fails must not be an error.
  found="$(oc get secret test-done-signal -n "$NAMESPACE" --ignore-not-found -o name --request-timeout=20s 2>/dev/null)" || status=$?
  if [ "$status" -eq 0 ] && [ -n "$found" ]; then
    echo "the tear-down signal is there"
    exit 0
  fi
  # One line per dozen looks, five seconds apart, is at most one a minute.
  if [ "$looks" -eq 0 ]; then
    echo "waiting for the tear-down signal (status of the last look: $status)"
    looks=12
  fi
  looks=$((looks - 1))
  sleep 5 || :
done
