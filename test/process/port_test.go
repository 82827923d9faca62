//go:build linux

package process

import (
	"net"
	"strconv"
	"testing"
)

func TestFreePortOfOthers(t *testing.T) {
	reason := "A port that was chosen is nobody else's, though nothing listens on it yet."

	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}

	if l, err := lockPort(port); err == nil {
		_ = l.Close()

		t.Errorf("\n%s\nanother program could choose port %d, too", reason, port)
	}

	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // Returns at once.
	if err != nil {
		t.Fatalf("\n%s\nthe one that has chosen it cannot listen on it: %v", reason, err)
	}

	_ = l.Close()
}
