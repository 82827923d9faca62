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
  answer="$(oc get secret test-done-signal -n "$NAMESPACE" --ignore-not-found -o name --request-timeout=20s 2>&1)" || status=$?
  # A warning is not the signal: only the name is.
  case "$status $answer" in
  "0 "*secret/test-done-signal*)
    echo "the tear-down signal is there"
    exit 0
    ;;
  esac
  # One line per dozen looks, five seconds apart, is at most one a minute.
  if [ "$looks" -eq 0 ]; then
    # The last line of an answer says why there is no better one.
    echo "waiting for the tear-down signal (status of the last look: $status) ${answer##*
}"
    looks=12
  fi
  looks=$((looks - 1))
  sleep 5 || :
done
