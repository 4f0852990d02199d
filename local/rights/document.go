package rights

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Document is an IAM policy.
type Document struct {
	ID        string `json:"Id,omitempty"`
	Version   string
	Statement []Statement
}

// Statement is a statement of a policy.
type Statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal any                       `json:",omitempty"`
	Action    texts                     `json:",omitempty"`
	Resource  texts                     `json:",omitempty"`
	Condition map[string]map[string]any `json:",omitempty"`
}

// texts is a list that IAM also writes as a single string.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

func parseDocument(text string) (Document, error) {
	var d Document
	decoder := json.NewDecoder(strings.NewReader(text))
	// An element that is not read here, such as NotAction, would be taken for one that is not there.
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, fmt.Errorf("read a policy: %w: %s", err, text)
	}
	return d, nil
}

// matches reports whether a text has a form in which * is any text and ? any character, as in IAM's policies.
func matches(form, text string) bool {
	for form != "" {
		switch {
		case form[0] == '*':
			for i := range len(text) + 1 {
				if matches(form[1:], text[i:]) {
					return true
				}
			}
			return false
		case text == "" || form[0] != '?' && form[0] != text[0]:
			return false
		}
		form, text = form[1:], text[1:]
	}
	return text == ""
}

// grants reports whether a statement names an action on a resource, whatever its conditions say. A trust policy has no
// resource.
func (s Statement) grants(action, resource string) bool {
	return s.names(action) && (len(s.Resource) == 0 || s.covers(resource))
}

// names reports whether a statement has an action. Actions are compared without case.
func (s Statement) names(action string) bool {
	for _, form := range s.Action {
		if matches(strings.ToLower(form), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

func (s Statement) covers(resource string) bool {
	for _, form := range s.Resource {
		if matches(form, resource) {
			return true
		}
	}
	return false
}

// String is a statement on one line.
func (s Statement) String() string {
	text := fmt.Sprintf("%s %s on %s", s.Effect, strings.Join(s.Action, ", "), strings.Join(s.Resource, ", "))
	if len(s.Condition) > 0 {
		if conditions, err := json.Marshal(s.Condition); err == nil {
			text += " if " + string(conditions)
		}
	}
	return text
}
