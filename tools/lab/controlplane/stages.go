package controlplane

import (
	_ "embed"
	"strings"
)

//go:embed stages.yaml
var stages string

// isReal stands in the template for the expression that is true for pods that are left alone.
const isReal = "IS_REAL"

// Stages is what kwok makes of nodes and pods: nodes are always ready; pods run until they are deleted, except for
// those of which the jq expression is true: kwok leaves them alone.
func Stages(real string) []byte {
	return []byte(strings.ReplaceAll(stages, isReal, strings.ReplaceAll(real, "'", "''")))
}
