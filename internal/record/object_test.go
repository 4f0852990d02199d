package record

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheckObject(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "", " {\"a\": [1, {\"b\": \"\\ud83d\\ude00\"}]}\r": "",
		``: "is not a JSON object", `  `: "is not a JSON object", `[{}]`: "is not a JSON object",
		"\x00{}": "is not a JSON object", `{"a":}`: "is not valid JSON at byte 5: want a value",
		`{"a":1`: "want a comma or a closing brace", `{"a":"\ud83d"}`: "the string is not valid JSON",
		"{\"a\":\"\xff\"}": "is not valid UTF-8", `{} {}`: "has data after its object, at byte 3",
		strings.Repeat(`{"a":`, 513) + "1" + strings.Repeat("}", 513): "nests deeper than 512",
		strings.Repeat(`{"a":`, 512) + "1" + strings.Repeat("}", 512): "",
	} {
		err := CheckObject([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
	}
}

// What is accepted is an object for encoding/json too, and the reverse where no surrogate is cut in half.
func TestCheckObjectAgreesWithEncodingJSON(t *testing.T) {
	bases := []string{`{"a":[1,-2.5e3,true,false,null],"b":{"c":"x\n\"","d":[]},"e":""}`,
		` {"a" : [1, -2.5e3,true,false ,null] , "b":{"c": "a string","d":[] } ,"e":"", "f":0 } `} // without escapes
	random := rand.New(rand.NewPCG(3, 4))
	accepted := 0
	for i := range 40_000 {
		base := bases[i%2]
		text := []byte(base)
		for range random.IntN(3) {
			text[random.IntN(len(text))] = base[random.IntN(len(base))]
		}
		got, want := CheckObject(text) == nil, json.Valid(text) && bytes.TrimLeft(text, " ")[0] == '{'
		if got != want {
			t.Errorf("%s: %t, encoding/json says %t", text, got, want)
		}
		if got {
			accepted++
		}
	}
	if accepted < 10_000 || accepted > 38_000 {
		t.Errorf("%d texts were accepted: the test has no contrast", accepted)
	}
}

// Long strings are read by other code than short ones.
func TestCheckObjectOfLongStrings(t *testing.T) {
	for _, length := range []int{60, 64, 65, 72, 96, 97, 130, 300} {
		for at := range length {
			for _, c := range []string{`"`, `\`, `\\`, `\n`, `\"`, "\x1f", "\x00", "\x7f", "é", "\xff", " "} {
				content := strings.Repeat("x", at) + c + strings.Repeat("y", length-at-1)
				for _, text := range []string{`{"a":"` + content + `"}`, `{"` + content + `":1}`, `{"a":"` + content} {
					want := json.Valid([]byte(text)) && utf8.ValidString(text)
					if got := CheckObject([]byte(text)) == nil; got != want {
						t.Fatalf("%q: %t, encoding/json says %t", text, got, want)
					}
				}
			}
		}
	}
}

// What needs no closer look is found without one: all else would be as slow as before.
func TestPlainObject(t *testing.T) {
	long := strings.Repeat("x", 100)
	for text, want := range map[string]bool{
		` { "a" : [ 1 , { "b" : "` + long + `" } , [ ] ] , "c" : null } `: true, `{}`: true, `{"a":true,"b":false}`: true,
		`{"a":"\n"}`: false, `{"a":"é"}`: false, "{\"a\":\t1}": false, `{"a":"` + long + "\t" + long + `"}`: false,
		`{"a":"` + long + "é" + `"}`: false, `{"a":"` + long: false, `[]`: false, `{"a":1} x`: false, `{"a":tru}`: false,
		strings.Repeat(`{"a":`, 512) + "1" + strings.Repeat("}", 512): true,
		strings.Repeat(`{"a":`, 513) + "1" + strings.Repeat("}", 513): false,
	} {
		if got := plainObject([]byte(text)); got != want {
			t.Errorf("%.60q: %t", text, got)
		}
	}
}
