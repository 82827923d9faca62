package main

import (
	"regexp"
	"strings"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
)

// maxWords is how much is passed on of what app.ci says: it may quote a whole request.
const maxWords = 8 << 10

// appCICondition returns the condition AppCISynced: what app.ci says to the Objects,
// as provider-kubernetes tells it. The EphemeralCluster's comes first, because
// without it there are no credentials.
func appCICondition(c call) condition {
	out := condition{typ: v1alpha1.ConditionAppCISynced, status: fnv1.Status_STATUS_CONDITION_UNKNOWN, reason: v1alpha1.ReasonPending}

	if c.ownership == ownershipForeign {
		return out
	}

	ec, credentials := syncedOf(c.ec.object), syncedOf(c.credentials.object)

	switch {
	case ec.failed():
		out.status = fnv1.Status_STATUS_CONDITION_FALSE
		out.reason, out.message = verdict(ec.message)
	case credentials.failed() && saidByAppCI(credentials.message):
		out.status = fnv1.Status_STATUS_CONDITION_FALSE
		out.reason, out.message = verdict(credentials.message)
	case ec.status == "True" && !c.ec.observeOnly:
		out.status, out.reason = fnv1.Status_STATUS_CONDITION_TRUE, v1alpha1.ReasonSynced
	}

	return out
}

// synced is an Object's condition of that type.
type synced struct {
	status, reason, message string
}

func syncedOf(object *structpb.Struct) synced {
	c := conditionOf(structAt(object, "status"), "Synced")

	return synced{status: stringAt(c, "status"), reason: stringAt(c, "reason"), message: stringAt(c, "message")}
}

// failed reports whether the provider could not do what the Object says. That there is
// nothing to observe is an answer, and no failure; nor is a pause.
func (s synced) failed() bool {
	return s.status == "False" && s.reason == "ReconcileError" && !strings.Contains(s.message, notThere)
}

// conditionOf returns the condition of a type, or nil.
func conditionOf(status *structpb.Struct, typ string) *structpb.Struct {
	for _, v := range listAt(status, "conditions") {
		if c := v.GetStructValue(); stringAt(c, "type") == typ {
			return c
		}
	}

	return nil
}

// unusable begins what the provider says when it cannot make a client of the
// ProviderConfig's kubeconfig. What follows may quote that kubeconfig.
const unusable = "cannot build kube client for provider config"

// wrapping is what the provider and its runtime put before the words of app.ci: what
// was tried, from the outside to the inside.
var wrapping = regexp.MustCompile(`^((connect|observe|create|update|delete) failed` +
	`|cannot (get|create|apply|patch|delete) object` +
	`|cannot get (observed|desired) state` +
	`|cannot dry run SSA` +
	`|cannot upgrade field managers` +
	`|failed to patch managed fields upgrade` +
	`|cannot get connection details` +
	`|cannot create discovery client` +
	`|cannot create new unstructured server side apply extractor` +
	`|cannot load parser cache for ProviderConfig \S+` +
	`): `)

// words are those of app.ci in an Object's message: as they are, but for what differs
// from one attempt to the next, which would change the condition for nothing.
func words(message string) string {
	if _, rest, found := strings.Cut(message, unusable); found {
		// Where the kubeconfig itself is missing, this says which.
		if _, missing, found := strings.Cut(rest, "cannot get credentials secret: "); found {
			return missing
		}

		return "the kubeconfig of app.ci cannot be used"
	}

	for {
		loc := wrapping.FindStringIndex(message)
		if loc == nil {
			break
		}

		message = message[loc[1]:]
	}

	for _, v := range varying {
		message = v.of.ReplaceAllString(message, v.with)
	}

	return shortened(message)
}

func shortened(message string) string {
	if len(message) <= maxWords {
		return message
	}

	return strings.ToValidUTF8(message[:maxWords], "") + "…"
}

// varying is what differs between two messages about the same failure.
var varying = []struct { //nolint:gochecknoglobals // A constant, were slices ever that.
	of   *regexp.Regexp
	with string
}{
	// Of a name with several addresses, each is tried; the local port is another each time.
	{of: regexp.MustCompile(`\b(dial|read|write) (tcp|udp) \S+?(->\S+?)?(: |$)`), with: "$1 $2$4"},
	{of: regexp.MustCompile(`(lookup \S+) on \S+?(: |$)`), with: "$1$2"},
	{of: regexp.MustCompile(`current time \S+ is (before|after)`), with: "the current time is $1"},
	{of: regexp.MustCompile(`\(0x[0-9a-f]{5,}\)`), with: "(..ptr..)"},
	{of: regexp.MustCompile(`(R|r)etry after \S+`), with: "${1}etry later"},
}

// A saying is what a kind of answer can be told by. The order matters: what comes
// first comes before anything in a message that a tenant might have written.
type saying struct {
	reason string
	of     *regexp.Regexp
}

var sayings = []saying{ //nolint:gochecknoglobals // A constant, were slices ever that.
	{reason: v1alpha1.ReasonUnreachable, of: regexp.MustCompile(`^(Unauthorized|the server has asked for the client to provide credentials)`)},
	{reason: v1alpha1.ReasonUnreachable, of: regexp.MustCompile(`^(Get|Post|Patch|Put|Delete|Head) "`)},
	{reason: v1alpha1.ReasonRefused, of: regexp.MustCompile(`^[^"]* ("[^"]*" )?is invalid: `)},
	{reason: v1alpha1.ReasonRefused, of: regexp.MustCompile(`^[^"]* ("[^"]*" )?is forbidden: ValidatingAdmissionPolicy `)},
	{reason: v1alpha1.ReasonRefusedForNow, of: regexp.MustCompile(`^[^"]* ("[^"]*" )?is forbidden: `)},
	{reason: v1alpha1.ReasonRefused, of: regexp.MustCompile(`^admission webhook "[^"]*" denied the request|^ValidatingAdmissionPolicy .* denied request`)},
	{reason: v1alpha1.ReasonRefused, of: regexp.MustCompile(`^failed to create typed patch object |^[Rr]equest entity too large|^(rpc error: .*)?etcdserver: request is too large|^unknown field |^strict decoding error: `)},
	{reason: v1alpha1.ReasonRefusedForNow, of: regexp.MustCompile(`^Internal error occurred: |^[a-z.]+ "[^"]*" not found|^no matches for kind |^the server could not find the requested resource|` +
		`^the server (has received too many requests|was unable to return a response)|^Operation cannot be fulfilled|^Timeout: |^(rpc error: .*)?etcdserver: `)},
	{reason: v1alpha1.ReasonUnreachable, of: regexp.MustCompile(`^failed to get API group resources: |^failed to get server groups: |^the server is currently unable to handle the request|` +
		`\b(dial|read|write) (tcp|udp)\b|\b(tls|x509|net/http|http2): |\bEOF$|context deadline exceeded|context canceled|the kubeconfig of app\.ci cannot be used`)},
}

// verdict returns the words in an Object's message, and what they mean for whoever
// waits.
func verdict(message string) (reason, said string) {
	said = words(message)

	for _, s := range sayings {
		if s.of.MatchString(said) {
			return s.reason, said
		}
	}

	// Who waits in vain loses time; who does not wait loses a cluster.
	if strings.HasPrefix(message, "connect failed: ") {
		return v1alpha1.ReasonUnreachable, said
	}

	return v1alpha1.ReasonRefusedForNow, said
}

// saidByAppCI reports whether a message is app.ci's or about reaching it. The Object of
// the credentials also fails for what is here, or not there yet.
func saidByAppCI(message string) bool {
	if strings.HasPrefix(message, "connect failed: ") {
		return true
	}

	said := words(message)

	for _, s := range sayings {
		if s.of.MatchString(said) {
			return true
		}
	}

	return false
}
