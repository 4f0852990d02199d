package contract

import (
	"math/big"
	"strings"
	"testing"
)

// Numbers of 56 digits, as AWS gives them, and others: text and machine words order them wrongly.
var ascending = []Sequence{
	"", "0", "9", "10", "99", "100", "18446744073709551615", "18446744073709551616",
	"49590338271490256608559692538361571095921575989136588898",
	"49590338271490256608559692540925702759324208523137515618",
	"100000000000000000000000000000000000000000000000000000000",
}

func TestSequencesCompareAsNumbers(t *testing.T) {
	for i, a := range ascending {
		for k, b := range ascending {
			want := big.NewInt(int64(i)).Cmp(big.NewInt(int64(k)))
			if a.Compare(b) != want || strings.Compare(a.Key(), b.Key()) != want {
				t.Errorf("%s and %s: %d, keys %d, want %d", a, b, a.Compare(b), strings.Compare(a.Key(), b.Key()), want)
			}
		}
	}
	for _, text := range []string{"", "00", "01", "-1", "+1", "1e3", " 1", "1_0", "٣", strings.Repeat("1", 130)} {
		if n, err := ParseSequence(text); err == nil {
			t.Errorf("%q was read as %s", text, n)
		}
	}
	for _, text := range []string{"0", "7", strings.Repeat("9", 129)} {
		if n, err := ParseSequence(text); err != nil || string(n) != text {
			t.Errorf("%q was read as %s, %v", text, n, err)
		}
	}
}
