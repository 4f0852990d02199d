package contract_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"dip/contract"
)

// Every declared metric is listed once, under a name of its own, with a unit and a meaning.
func TestMetrics(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "metric.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.CompositeLit); ok && literal.Type.(*ast.Ident).Name == "Metric" {
			declared[spec.Names[0].Name] = true
		}
		return true
	})
	for _, m := range contract.Metrics() {
		if !declared[m.Name] {
			t.Errorf("%s is listed twice, or its variable has another name", m.Name)
		}
		delete(declared, m.Name)
		if m.Unit == "" || m.Value == "" {
			t.Errorf("%s lacks its unit or its meaning", m.Name)
		}
	}
	for name := range declared {
		t.Errorf("%s is declared and not listed", name)
	}
}
