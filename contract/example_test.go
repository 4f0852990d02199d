package contract_test

import (
	"fmt"
	"maps"
	"slices"

	"dip/contract"
)

// The program renders a function's environment, the function loads the same struct. In the program T is
// pulumi.StringInput.
func ExampleRender() {
	vars, err := contract.Render[string](contract.IntakeEnv[string]{
		Common: contract.Common[string]{
			Stack: "dev", Code: "0123456789abcdef", LedgerTable: "ledger-table", LakeBucket: "lake-bucket",
		},
		Catalog:  "catalog/0123.json",
		Workflow: "arn:aws:states:us-east-1:123456789012:stateMachine:load:live",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		fmt.Println(name, vars[name])
	}
	// Output:
	// DIP_CATALOG catalog/0123.json
	// DIP_CODE 0123456789abcdef
	// DIP_LAKE_BUCKET lake-bucket
	// DIP_LEDGER_TABLE ledger-table
	// DIP_STACK dev
	// DIP_WORKFLOW arn:aws:states:us-east-1:123456789012:stateMachine:load:live
}

// A forgotten variable is an error with its name: in the program at preview, in the function at its start.
func ExampleLoad() {
	vars := map[string]string{"DIP_STACK": "dev", "DIP_CODE": "0123456789abcdef", "DIP_LEDGER_TABLE": "ledger-table"}
	_, err := contract.Load[contract.SegmentEnv[string]](func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	})
	fmt.Println(err)
	// Output:
	// environment variable DIP_LAKE_BUCKET is not set
	// environment variable DIP_SEGMENT is not set
}
