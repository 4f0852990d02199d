package tableschema

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// numbers casts texts of a number field: the value, or bad.
func checkNumbers(t *testing.T, properties string, want map[string]float64, bad ...string) {
	t.Helper()
	f := one(t, properties)
	for text, number := range want {
		v, err := f.Cast([]byte(text))
		got := v.Float
		if f.Type == Integer {
			got = float64(v.Int)
		}
		if err != nil || got != number {
			t.Errorf("%s: %q = %v, %v, want %v", properties, text, got, err, number)
		}
	}
	for _, text := range bad {
		if v, err := f.Cast([]byte(text)); err == nil {
			t.Errorf("%s: %q = %+v, want an error", properties, text, v)
		}
	}
}

func TestSignsOfWrappedNumbers(t *testing.T) {
	want := map[string]float64{
		"(100) kr": -100, "(100 kr)": -100, "kr (100)": -100, "$(100)": -100, "($100)": -100, "( 100 )": -100,
		"\uff08100\uff09": -100,
		"-100 kr":         -100, "kr -100": -100, "kr-100": -100, "- 100": -100, "-$100": -100, "$-100": -100,
		"\u200e-100": -100,
		"\u00a0-100": -100,
		"+100 kr":    100, "kr +100": 100, "\uff0b100": 100, "100 kr": 100, "100%": 100, "€100": 100, "45 m\u00b2": 45,
		"USD 1.5e3 net": 1500, "-$.5": -.5,
		"-€ 1.50": -1.5, "5.": 5, "5.kr": 5, "Rs. 500": 500, "12 Dream": 12,
	}
	for _, minus := range minusSigns {
		for text, number := range map[string]float64{"%100": -100, "% 100 kr": -100, "kr %100": -100, "%$100": -100,
			"%.5": -.5} {
			want[strings.ReplaceAll(text, "%", string(minus))] = number
		}
	}
	bad := []string{
		"100-", "100- kr", "100 -", "100,-", "100\u2212", "100.\u2013", "--100", "-\u2212100", "- -100", "+-100",
		"-+100", "-$-100", "100+", "kr - kr 100",
		"(100", "100)", "((100))", "(-100)", "-(100)", "(+100)", "(100)(", "100 (net)", "(net) 100", "[100]", "{100}",
		"<100", ">100", "~100", "\u00b1100", "=100", "\u2248 100",
		"\u2043100", "\u00ad100", "\u05be100", "100 CR", "100Dr", "DR 100", "minus 100", "Neg. 100", "100k", "100 K",
		"100M", "100 bn", "2 million", "3 lakh", "5 Crore",
		"\uff11100", "100\u00bd", "10\u00b2", "\u00b2100", "1\u0660", "Rs.500", "kr.5", ",5", "1,5", "1'000", "'5",
		"1_000", "5,kr", "5\u066b5", "..5", "1-2", "1 - 2", "1/2", "m2 5", "kr", "", "-", "()",
		"1\u2212", "1e\u22125",
	}
	checkNumbers(t, `"type":"number","bareNumber":false`, want, bad...)
	checkNumbers(t, `"type":"integer","bareNumber":false`, map[string]float64{"(7) kr": -7, "\u22127": -7, "7%": 7}, "7-",
		"(7", "7.5%")
	checkNumbers(t, `"type":"number","decimalChar":",","bareNumber":false`, map[string]float64{"5,kr": 5, "-,5 kr": -.5},
		"kr.500", ".500", "500.", "kr,5", "1.5 kr")
	checkNumbers(t, `"type":"number","decimalChar":",","groupChar":"."`, nil, "\u2212100", "(100)", "100-",
		"\uff0d1", "$1")
	checkNumbers(t, `"type":"number"`, nil, "\u2212100", "(100)", "100-", "\uff0d1", "\u201315", "--1")
	if _, err := one(t, `"type":"number","bareNumber":false`).Cast([]byte("100 CR")); err == nil ||
		!strings.Contains(err.Error(), "sign") {
		t.Errorf("the error does not mention the sign: %v", err)
	}
	d := one(t, `"type":"number","bareNumber":false,"groupChar":",","decimal":{"precision":9,"scale":2}`)
	if v, err := d.Cast([]byte("($1,234.50)")); err != nil || v.Int != -123450 {
		t.Errorf("a decimal in parentheses is %d, %v", v.Int, err)
	}
}

func TestGroups(t *testing.T) {
	checkNumbers(t, `"type":"number","decimalChar":",","groupChar":"."`,
		map[string]float64{"1.234,56": 1234.56, "1.299": 1299, "12.345.678": 12345678, "123.456,": 123456, "1234,5": 1234.5,
			"1234": 1234, ",5": .5, "-1.234": -1234,
			"+1.234,5e3": 1234500, "001.234": 1234, "0,123": .123, "1.234e1": 12340},
		"1.5", "01.02.2024", "10.0.0.1", "1,5.0", "1.234.5", "12.34.567", ".123", "1.", "1.234.", "1..234", "1234.567",
		"12.3456", "1.234,567.890", "0.123", "00.123", "1,5e1.000",
		"1.234,5,6", "1.234 ,5", ".", "-.123", "1e1.000", "1.2e3")
	checkNumbers(t, `"type":"integer","groupChar":","`, map[string]float64{"1,234": 1234, "1,000.0": 1000, "999": 999},
		"12,5", "1,2,3", "1,,234", ",", ",123", "123,", "1,234,", "12,34,567", "1,5e3", "1,0")
	checkNumbers(t, `"type":"integer","groupChar":"."`,
		map[string]float64{"1.234.567": 1234567, "12": 12, "1.000e2": 100000}, "1.5", "12.34", "1.0", "1.", "0.500")
	checkNumbers(t, `"type":"number","groupChar":" ","bareNumber":false`,
		map[string]float64{"1 234.5 kr": 1234.5, "kr 12 345": 12345, "(1 234)": -1234},
		"1  234", "1 23", "12 34 567", "1 234 5")
	checkNumbers(t, `"type":"number","groupChar":",","bareNumber":false`,
		map[string]float64{"$1,234.5": 1234.5, "1,234%": 1234}, "$,5", ",5", "5,%", "1,5 kr", "$12,34", "kr 1,,234")
	checkNumbers(t, `"type":"number","groupChar":"’"`, map[string]float64{"1’234.5": 1234.5}, "1’23", "’123", "1'234")
	checkNumbers(t, `"type":"number","groupChar":",","grouping":"indian"`,
		map[string]float64{"12,34,567": 1234567, "1,23,45,678.5": 12345678.5, "1,234": 1234, "12,345": 12345, "01,234": 1234,
			"5": 5},
		"123,456", "1,234,567", "12,34", "1,2,345", "0,123", "12,34,56,78", ",12,345")
	if _, err := one(t, `"type":"integer","groupChar":","`).Cast([]byte("1,5")); err != errGroups {
		t.Errorf("1,5: %v", err)
	}
}

// Numbers with groups against a regular expression of them.
func TestGroupsAgainstExpression(t *testing.T) {
	whole := regexp.MustCompile(`^[-+]?(?:\d+|(?:[1-9]\d{0,2}|\d{3})(?:,\d{3})+)?(?:\.\d*)?(?:e[-+]?\d+)?$`)
	f := one(t, `"type":"number","groupChar":","`)
	r := rand.New(rand.NewPCG(3, 3))
	accepted := 0
	for range 50_000 {
		var b strings.Builder
		for range 1 + r.IntN(5) {
			b.WriteString([]string{"1", "12", "123", "000", "0", ",", ",456", ",789", ".", "e2", "-"}[r.IntN(11)])
		}
		text := b.String()
		plain := strings.ReplaceAll(text, ",", "")
		v, err := f.Cast([]byte(text))
		want, parseErr := strconv.ParseFloat(plain, 64)
		if fits := whole.MatchString(text) && parseErr == nil; fits != (err == nil) || fits && v.Float != want {
			t.Fatalf("%q = %v, %v, want %v, %v", text, v.Float, err, want, fits)
		}
		if err == nil {
			accepted++
		}
	}
	if accepted < 5_000 {
		t.Errorf("only %d texts were numbers", accepted)
	}
}

func TestGroupingOfSchemas(t *testing.T) {
	for properties, want := range map[string]string{
		`"type":"number","grouping":"indian"`:                `grouping: "indian": want threes or indian`,
		`"type":"number","groupChar":",","grouping":"pairs"`: `grouping: "pairs": want threes or indian`,
		`"type":"number","groupChar":".","decimalChar":"."`:  `groupChar: "." is also the decimalChar`,
		`"type":"number","groupChar":"."`:                    `groupChar: "." is also the decimalChar`,
		`"type":"number","groupChar":",","decimalChar":""`:   `decimalChar: "": want one character`,
	} {
		if _, err := Parse([]byte(`{"fields":[{"name":"f",` + properties + `}]}`)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", properties, err, want)
		}
	}
}
