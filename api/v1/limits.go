package v1

const (
	// ConfigVariable is the one variable of its environment that ci-operator reads its
	// whole configuration from.
	ConfigVariable = "UNRESOLVED_CONFIG"

	// VariableLimit is how many bytes Linux takes for one variable of a process: its name,
	// the equals sign, its value and the byte that ends it.
	VariableLimit = 128 << 10

	// ConfigLimit is how many bytes that leaves for ci-operator's configuration.
	ConfigLimit = VariableLimit - len(ConfigVariable) - len("=") - 1
)
