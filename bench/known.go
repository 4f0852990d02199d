package main

// differences are the constructed inputs that DuckDB reads differently by its own rules, each with the rule.
var differences = map[string]string{}

// inexpressible are the constructed inputs whose schema has no equivalent in DuckDB.
var inexpressible = map[string]string{
	"zone-names": `format "any": DuckDB has no equivalent`,
}

// faults are the inputs of csv-spectrum whose expected rows are not those of the input.
var faults = map[string]string{
	"csv-spectrum/location_coordinates": "the suite's JSON has another telephone number than its CSV",
}

// knownRows says why the rows that an opponent writes of an input of the measurement are not dip's.
var knownRows = map[string]string{
	"trips by Go":      "encoding/csv drops carriage returns before line feeds inside quotes",
	"events by Polars": "it does not escape all characters of strings again when it writes an object as text",
}
