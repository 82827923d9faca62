package request

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
)

// text is what a flag holds, inline or in a file.
type text struct {
	// file is where it is from, empty for inline text.
	file  string
	bytes []byte

	// document knows the lines of what is in it.
	document *yamlv3.Node
}

// stdin as the name of a file is standard input.
const stdin = "-"

// inline returns the text of a flag, which may name a file after an @.
func inline(given string, in io.Reader) (*text, error) {
	if name, ok := strings.CutPrefix(given, "@"); ok {
		return file(name, in)
	}

	return &text{bytes: []byte(given)}, nil
}

func file(name string, in io.Reader) (*text, error) {
	if name == stdin {
		b, err := io.ReadAll(in)

		return &text{file: "standard input", bytes: b}, errors.Wrap(err, "cannot read standard input")
	}

	b, err := os.ReadFile(filepath.Clean(name))

	return &text{file: name, bytes: b}, err
}

// parse returns the value of one document of JSON or YAML. Kubernetes' own idea of
// YAML decides what the values are.
func (t *text) parse() (any, error) {
	more, err := t.read()
	if err != nil {
		return nil, err
	}

	b := t.bytes

	if typed := quoteKeys(t.document); typed || more {
		if b, err = yamlv3.Marshal(t.document); err != nil {
			return nil, errors.Wrap(err, "is neither JSON nor YAML")
		}
	}

	j, err := yaml.YAMLToJSONStrict(b)
	if err != nil {
		return nil, errors.Wrap(err, "is neither JSON nor YAML")
	}

	var v any
	if err := json.Unmarshal(j, &v); err != nil {
		return nil, errors.Wrap(err, "is neither JSON nor YAML")
	}

	return v, nil
}

// read finds the one document that there is something in, and reports whether there are more
// without. Such are before a line of dashes with comments only, or after the last.
func (t *text) read() (more bool, err error) {
	t.document = &yamlv3.Node{}

	for d, n := yamlv3.NewDecoder(bytes.NewReader(t.bytes)), 0; ; n++ {
		document := &yamlv3.Node{}

		if err := d.Decode(document); errors.Is(err, io.EOF) {
			return n > 1, nil
		} else if err != nil {
			return false, errors.Wrap(err, "is neither JSON nor YAML")
		}

		switch {
		case blank(document):
		case blank(t.document):
			t.document = document
		default:
			return false, errors.New("must be one document of JSON or YAML, and has more")
		}
	}
}

// blank reports whether nothing is written in a document.
func blank(document *yamlv3.Node) bool {
	if len(document.Content) == 0 {
		return true
	}

	n := document.Content[0]

	return n.Kind == yamlv3.ScalarNode && n.Tag == "!!null" && n.Value == ""
}

// mergeTag is what a key is that stands for others.
const mergeTag = "!!merge"

// quoteKeys makes strings of keys that an older YAML takes for something else, such as y
// and on for true, and 010 for 8. It reports whether there are any.
func quoteKeys(n *yamlv3.Node) (quoted bool) {
	for i, child := range n.Content {
		key := n.Kind == yamlv3.MappingNode && i%2 == 0

		if key && child.Kind == yamlv3.ScalarNode && child.Style == 0 && child.Tag != mergeTag && !isString(child.Value) {
			child.Tag, child.Style = "!!str", yamlv3.DoubleQuotedStyle
			quoted = true
		}

		quoted = quoteKeys(child) || quoted
	}

	return quoted
}

// isString reports whether plain text is a string to Kubernetes.
func isString(plain string) bool {
	var v any
	if err := yaml.Unmarshal([]byte(plain), &v); err != nil {
		return true
	}

	_, ok := v.(string)

	return ok
}

// where returns the place of a field, or nothing in a text of one line.
func (t *text) where(path served.Path) string {
	switch line := t.line(path); {
	case line == 0 || t.file == "" && bytes.Count(bytes.TrimSpace(t.bytes), []byte("\n")) == 0:
		return t.file
	case t.file == "":
		return fmt.Sprintf("line %d", line)
	default:
		return fmt.Sprintf("%s:%d", t.file, line)
	}
}

// line is that of the key that a path leads to, or of the last one on its way that
// is there. It is 0 when there is none.
func (t *text) line(path served.Path) int {
	if t.document == nil || len(t.document.Content) == 0 {
		return 0
	}

	node := t.document.Content[0]
	line := 0

	for _, key := range path {
		if node.Kind == yamlv3.AliasNode {
			node = node.Alias
		}

		name, value := enter(node, key)
		if value == nil {
			break
		}

		node, line = value, name.Line
	}

	return line
}

// enter finds a key of an object, or an element of a list by its position.
func enter(node *yamlv3.Node, key string) (name, value *yamlv3.Node) {
	for i, n := range node.Content {
		switch {
		case node.Kind == yamlv3.MappingNode && i%2 == 0 && n.Value == key:
			return n, node.Content[i+1]
		case node.Kind == yamlv3.SequenceNode && key == fmt.Sprintf("[%d]", i):
			return n, n
		}
	}

	return nil, nil
}
