package v1alpha1

// Condition types of a claim that say what its EphemeralCluster cannot.
const (
	// ConditionAccepted says whether the request is being carried to app.ci.
	ConditionAccepted = "Accepted"

	// ConditionCredentialsPublished says whether the tenant has the credentials.
	ConditionCredentialsPublished = "CredentialsPublished"

	// ConditionAppCISynced says whether app.ci has what was asked of it, and carries
	// its own words when it does not: of a creation, a change or a deletion that it
	// refuses, or of why it cannot be asked. It is True while all is well, and Unknown
	// until app.ci was asked.
	ConditionAppCISynced = "AppCISynced"
)

// Reasons of a claim's conditions that are not its EphemeralCluster's.
const (
	// ReasonReported surfaces on conditions that only carry a message.
	ReasonReported = "Reported"

	// ReasonAccepted surfaces on Accepted when there is nothing to say against it.
	ReasonAccepted = "Accepted"

	// ReasonAnnotationsIgnored surfaces on Accepted, with status True, when an
	// annotation that names a run is not a name.
	ReasonAnnotationsIgnored = "AnnotationsIgnored"

	// ReasonCheckingName surfaces on Accepted until app.ci is known to have no
	// EphemeralCluster of the composite's name.
	ReasonCheckingName = "CheckingName"

	// ReasonInvalidInput surfaces on Accepted when the Composition's input for the
	// function cannot be read.
	ReasonInvalidInput = "InvalidInput"

	// ReasonInvalidSecretName surfaces on CredentialsPublished when the tenant's
	// Secret cannot have its name.
	ReasonInvalidSecretName = "InvalidSecretName"

	// ReasonInvalidRequest surfaces on Accepted when the spec is not a possible one.
	ReasonInvalidRequest = "InvalidRequest"

	// ReasonTenantUnknown surfaces on Accepted when a composite has neither a claim
	// nor a namespace.
	ReasonTenantUnknown = "TenantUnknown"

	// ReasonEnvironmentUnknown surfaces on Accepted when the Konflux cluster's name
	// is not known.
	ReasonEnvironmentUnknown = "EnvironmentUnknown"

	// ReasonNotOurs surfaces when the EphemeralCluster, or a Secret, of that name is
	// another's.
	ReasonNotOurs = "NotOurs"

	// ReasonSynced surfaces on AppCISynced, with status True, when app.ci has what was
	// asked of it.
	ReasonSynced = "Synced"

	// ReasonRefused surfaces on AppCISynced, with status False, when app.ci refuses
	// what waiting cannot heal: its schema or an admission policy is against it. Only
	// another request, or another policy, helps.
	ReasonRefused = "Refused"

	// ReasonRefusedForNow surfaces on AppCISynced, with status False, when app.ci
	// refuses what it may take later as it is: for a quota, missing rights, a namespace
	// that is missing or terminating, a CRD that is missing, or an error of its own.
	ReasonRefusedForNow = "RefusedForNow"

	// ReasonUnreachable surfaces on AppCISynced, with status False, when app.ci cannot
	// be asked: for the network, a certificate, a credential that it does not take (or
	// any more), or because provider-kubernetes is not set up to reach it.
	ReasonUnreachable = "Unreachable"

	// ReasonSecretTaken surfaces on Accepted, with status False, before anything is
	// created, while there is a Secret of the name that the credentials are to be
	// written to, and it was not made for the request. It heals once that Secret is gone.
	ReasonSecretTaken = "SecretTaken"

	// ReasonNotReported surfaces, with status Unknown, on a condition that the
	// EphemeralCluster had and does not have any more, because it was made again.
	ReasonNotReported = "NotReported"

	// ReasonPending surfaces on CredentialsPublished until there are any, and on
	// AppCISynced until app.ci was asked.
	ReasonPending = "Pending"

	// ReasonPublished surfaces on CredentialsPublished when they are.
	ReasonPublished = "Published"
)
