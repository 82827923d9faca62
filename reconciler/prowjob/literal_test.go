package prowjob

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/cioperator"
)

// expand does to a value what a kubelet does, given the variables defined earlier.
func expand(value string, defined map[string]string) string {
	b := strings.Builder{}

	for i := 0; i < len(value); i++ {
		rest := value[i:]

		switch end := strings.Index(rest, ")"); {
		case strings.HasPrefix(rest, "$$"):
			b.WriteByte('$')
			i++
		case strings.HasPrefix(rest, "$(") && end > 0:
			name := rest[2:end]
			if v, ok := defined[name]; ok {
				b.WriteString(v)
			} else {
				b.WriteString(rest[:end+1])
			}

			i += end
		default:
			b.WriteByte(value[i])
		}
	}

	return b.String()
}

func TestLiteral(t *testing.T) {
	cases := map[string]struct {
		reason string
		value  string
	}{
		"Plain":       {reason: "Text without dollars.", value: "a: b"},
		"Variable":    {reason: "A shell variable.", value: `echo "$NAMESPACE" $`},
		"Command":     {reason: "A shell command.", value: `x=$(date); y=$((x + 1))`},
		"Pairs":       {reason: "A shell's process ID.", value: "$$ $$$ $$$$x"},
		"Reference":   {reason: "A reference to an earlier variable.", value: "$(HTTP_SERVER_IP) $$(HTTP_SERVER_IP)"},
		"Service":     {reason: "A reference to a variable that the kubelet adds by itself.", value: "$(KUBERNETES_SERVICE_HOST)"},
		"Nested":      {reason: "Within what looks like a reference, pairs are no pairs.", value: "$(echo $$ $(HTTP_SERVER_IP)) $(echo $$"},
		"NoReference": {reason: "A dollar sign in front of anything else.", value: "$() $) $é $(HTTP_SERVER_IP"},
		"WaitScript":  {reason: "Our own script.", value: cioperator.WaitScript},
		"NotOnlyText": {reason: "Bytes of other alphabets.", value: "é$$é"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := expand(literal(tc.value), map[string]string{"HTTP_SERVER_IP": "10.0.0.1", "KUBERNETES_SERVICE_HOST": "10.0.0.2"})
			if diff := cmp.Diff(tc.value, got); diff != "" {
				t.Errorf("%s\nliteral(%q), expanded: -want, +got:\n%s", tc.reason, tc.value, diff)
			}
		})
	}

	if got := literal(cioperator.WaitScript); got != cioperator.WaitScript {
		t.Error("literal(...): our own script must need no protection, so that who does not expand it can read it too")
	}
}

// FuzzLiteral looks for text that a kubelet would change.
func FuzzLiteral(f *testing.F) {
	for _, seed := range []string{"", "$", "$$(A)", "$(A", "$(echo $(A) $$)", "$é"} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, value string) {
		got := expand(literal(value), map[string]string{"A": "expanded", "a.b": "expanded"})
		if diff := cmp.Diff(value, got); diff != "" {
			t.Errorf("literal(%q), expanded: -want, +got:\n%s", value, diff)
		}
	})
}
