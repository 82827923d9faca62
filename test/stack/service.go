//go:build linux

package stack

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// webhookPort is the port of the Services by which API servers call webhooks of
// Crossplane and of its packages.
const webhookPort = 9443

// attempts is how many addresses are tried before none seems to be free.
const attempts = 10

// expose makes a Service of the Konflux cluster that reaches a port of this machine.
// The API server dials the external name of a Service at the Service's port, which is
// the same for all, so each gets a loopback address of its own.
func (s *Stack) expose(ctx context.Context, service, port string) error {
	l, err := listenLoopback(webhookPort)
	if err != nil {
		return errors.Wrapf(err, "cannot listen for Service %s", service)
	}

	s.onStop(func() { _ = l.Close() })

	go forward(l, net.JoinHostPort("127.0.0.1", port))

	host, _, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return errors.Wrapf(err, "cannot read the address of Service %s", service)
	}

	return s.Konflux.ApplyAll(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: crossplaneNamespace, Name: service},
		Spec: corev1.ServiceSpec{
			Type:         corev1.ServiceTypeExternalName,
			ExternalName: host,
			Ports:        []corev1.ServicePort{{Name: "webhook", Port: webhookPort}},
		},
	})
}

// listenLoopback listens at some address of 127.0.0.0/8.
func listenLoopback(port int) (net.Listener, error) {
	var last error

	for range attempts {
		b := make([]byte, 3)
		_, _ = rand.Read(b)

		// Neither a network's address nor the one that everything else is at.
		host := fmt.Sprintf("127.%d.%d.%d", 1+b[0]%254, b[1], 1+b[2]%254)

		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))) //nolint:noctx // Returns at once.
		if err == nil {
			return l, nil
		}

		last = err
	}

	return nil, last
}

// forward passes connections on until the listener is closed.
func forward(l net.Listener, to string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}

		go func() {
			defer in.Close() //nolint:errcheck // It is done with.

			out, err := net.Dial("tcp", to) //nolint:noctx // It ends with the connection.
			if err != nil {
				return
			}
			defer out.Close() //nolint:errcheck // It is done with.

			go func() {
				_, _ = io.Copy(out, in)
				_ = out.Close()
			}()

			_, _ = io.Copy(in, out)
		}()
	}
}
