// Package preview reads what `pulumi preview --json` prints, and says it as a comment for a pull request: what changes,
// what would be lost, what it costs. It is pure: text in, text out.
package preview

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Document is what `pulumi preview --json` prints: PreviewDigest of Pulumi's package pkg/display. Fields that matter to
// nothing here are left out.
type Document struct {
	Steps       []Step         `json:"steps"`
	Diagnostics []Diagnostic   `json:"diagnostics"`
	Summary     map[string]int `json:"changeSummary"` // resources by operation
}

// Step is one operation on a resource. A replacement has up to three, of the same URN.
type Step struct {
	Op             string          `json:"op"`
	URN            string          `json:"urn"`
	Old            *State          `json:"oldState"`
	New            *State          `json:"newState"`
	DiffReasons    []string        `json:"diffReasons"`    // top-level properties
	ReplaceReasons []string        `json:"replaceReasons"` // top-level properties
	Diff           map[string]Diff `json:"detailedDiff"`   // by path, such as tags.team or rules[0].id; may be missing
}

// Diff is how a property changes.
type Diff struct {
	Kind      string `json:"kind"`      // add, delete, update, each also with "-replace"
	InputDiff bool   `json:"inputDiff"` // of inputs; else of what the provider reads and the new inputs
}

// State is a resource before or after. Secrets are the text "[secret]", what is not known yet is Unknown.
type State struct {
	Type         string              `json:"type"`
	Parent       string              `json:"parent"`
	Inputs       map[string]any      `json:"inputs"`
	Outputs      map[string]any      `json:"outputs"`
	Protect      bool                `json:"protect"`
	Retain       bool                `json:"retainOnDelete"`
	Dependencies map[string][]string `json:"propertyDependencies"` // URNs that an input is made of
}

// Diagnostic is a message of the program, a provider or the engine.
type Diagnostic struct {
	URN      string `json:"urn"`
	Message  string `json:"message"`
	Severity string `json:"severity"` // error, warning, info, info#err
}

// Unknown stands for a value that a preview does not know. Source: UnknownStringValue of Pulumi's package plugin.
const Unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

// ErrNotPreview is in errors about texts that are something else than the document of a preview.
var ErrNotPreview = errors.New("want what `pulumi preview --json` prints")

// Read reads the document of a preview.
func Read(r io.Reader) (Document, error) {
	var d Document
	data, err := io.ReadAll(r)
	if err != nil {
		return d, fmt.Errorf("read the preview: %w", err)
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return d, fmt.Errorf("read the preview: it is empty; %w: did pulumi fail before the preview?", ErrNotPreview)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	var top map[string]json.RawMessage
	if err := decoder.Decode(&top); err != nil {
		return d, fmt.Errorf("read the preview: %w: %w", ErrNotPreview, err)
	}
	if _, streamed := top["sequence"]; streamed {
		return d, fmt.Errorf("read the preview: these are single events; %w without PULUMI_ENABLE_STREAMING_JSON_PREVIEW",
			ErrNotPreview)
	}
	if decoder.More() {
		return d, fmt.Errorf("read the preview: text follows the document; %w, and only its standard output", ErrNotPreview)
	}
	if top["steps"] == nil && top["diagnostics"] == nil && top["changeSummary"] == nil {
		return d, fmt.Errorf("read the preview: it has no steps and no diagnostics; %w", ErrNotPreview)
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return d, fmt.Errorf("read the preview: %w: %w", ErrNotPreview, err)
	}
	return d, d.check()
}

// check says which step is not one.
func (d Document) check() error {
	for i, s := range d.Steps {
		if _, err := parseURN(s.URN); err != nil {
			return fmt.Errorf("read the preview: step %d: %w", i, err)
		}
	}
	return nil
}

// urn is the parts of a resource's URN: "urn:pulumi:dev::dip::dip:queue:Queue$aws:sqs/queue:Queue::trips-queue".
type urn struct{ stack, project, kind, name string }

func parseURN(text string) (urn, error) {
	parts := strings.SplitN(text, "::", 4)
	stack, ok := strings.CutPrefix(parts[0], "urn:pulumi:")
	if len(parts) < 4 || !ok {
		return urn{}, fmt.Errorf("%q is not the URN of a resource", text)
	}
	kind := parts[2][strings.LastIndexByte(parts[2], '$')+1:]
	return urn{stack: stack, project: parts[1], kind: kind, name: parts[3]}, nil
}

// short is a type as people say it: "aws:s3/bucketV2:BucketV2" is "s3 BucketV2", "dip:queue:Queue" is "dip Queue".
func short(kind string) string {
	parts := strings.Split(kind, ":")
	if len(parts) < 3 {
		return kind
	}
	module, _, _ := strings.Cut(parts[1], "/")
	if parts[0] != "aws" {
		module = parts[0]
	}
	return module + " " + parts[2]
}
