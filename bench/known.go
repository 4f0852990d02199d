package main

// differences are the constructed inputs that DuckDB reads differently by its own rules, each with the rule.
var differences = map[string]string{}

// inexpressible are the constructed inputs whose schema has no equivalent in DuckDB.
var inexpressible = map[string]string{
	"zone-names": "format \"any\": DuckDB has no equivalent",
}
