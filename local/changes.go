package local

import (
	"fmt"
	"strings"
)

// Changes counts resources by the engine's operation on them: create, update, replace, delete, same, read.
type Changes map[string]int

// unchanged are the operations that leave a resource as it is.
var unchanged = map[string]bool{"same": true, "read": true, "refresh": true}

// Any reports whether any resource was changed or, in a preview, would be.
func (c Changes) Any() bool {
	for operation, n := range c {
		if n > 0 && !unchanged[operation] {
			return true
		}
	}
	return false
}

// String is the outcome: "102 resources: 102 created", "102 resources: no change".
func (c Changes) String() string {
	total := 0
	for _, n := range c {
		total += n
	}
	var parts []string
	for _, op := range []struct{ name, text string }{
		{"create", "created"}, {"update", "updated"}, {"replace", "replaced"}, {"delete", "deleted"},
	} {
		if n := c[op.name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, op.text))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%d resources: no change", total)
	}
	return fmt.Sprintf("%d resources: %s", total, strings.Join(parts, ", "))
}
