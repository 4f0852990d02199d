package metricmath

import (
	"strings"
	"testing"
	"time"
)

func read(text string) (points []Point) {
	for word := range strings.FieldsSeq(text) {
		points = append(points, Point{map[string]float64{"0": 0, "X": 2}[word], word != "-"})
	}
	return points
}

func TestCompute(t *testing.T) {
	series := map[string][]Point{"a": read("X X - X"), "b": read("X - X 0"), "none": read("- - - -")}
	for expression, want := range map[string][]Point{
		"a / b":                        {{1, true}, {}, {}, {}}, // the last divides by zero
		"a / (a + FILL(b, 0))":         {{0.5, true}, {1, true}, {}, {1, true}},
		"a - b * 0.5":                  {{1, true}, {}, {}, {2, true}},
		"FILL(none, 3)":                {{3, true}, {3, true}, {3, true}, {3, true}},
		"none / a":                     {{}, {}, {}, {}},
		"a / PERIOD(none) * 60":        {{4, true}, {4, true}, {}, {4, true}},
		"FILL(a - a, 1) / FILL(b, 10)": {{0, true}, {0, true}, {0.5, true}, {}},
	} {
		got, err := Compute(expression, series, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got[i].There != want[i].There || got[i].There && got[i].Value != want[i].Value {
				t.Errorf("%s at %d: %v, want %v", expression, i, got[i], want[i])
			}
		}
	}
	for expression, want := range map[string]string{
		"c / a":             "there is no series c",
		"a % b":             "the operator % is not evaluated",
		"SUM(METRICS())":    "FILL",
		"FILL(a, REPEAT)":   "want a number",
		"ANOMALY(a)[0]":     "is not evaluated",
		`"text"`:            "want a number",
		"a /":               "expected operand",
		"FILL(a, 0, 0) + b": "FILL",
		"PERIOD(c)":         "there is no series c",
		"PERIOD(a, b)":      "PERIOD",
	} {
		if got, err := Compute(expression, series, time.Minute); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %s", expression, got, err, want)
		}
	}
}
