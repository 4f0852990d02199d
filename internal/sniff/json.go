package sniff

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// document finds JSON that is not one object a line: an array of records, or objects over several lines. text begins
// with the first byte that is no blank.
func document(text []byte, whole bool) error {
	switch {
	case len(text) == 0:
	case text[0] == '[':
		// An array of numbers may be a line that is wrong among lines that are right.
		inside := bytes.TrimLeft(text[1:], " \t\r\n")
		if len(inside) > 0 && (inside[0] == '{' || whole && bytes.Equal(bytes.TrimRight(inside, " \t\r\n"), []byte("]"))) {
			return errors.New("is a JSON array, want one object a line: `jq -c '.[]' FILE > FILE.ndjson` writes it so")
		}
	case text[0] == '{' && pretty(text, whole):
		return errors.New("has JSON objects over several lines, want one object a line: `jq -c . FILE > FILE.ndjson` " +
			"writes them so")
	}
	return nil
}

// pretty says that a text's first JSON values, two where it has as many, extend over several lines each: a single one
// may be a record that is wrong.
func pretty(text []byte, whole bool) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	for n := 0; n < 2; n++ {
		from := d.InputOffset()
		var value json.RawMessage
		err := d.Decode(&value)
		switch {
		case errors.Is(err, io.EOF):
			return n > 0
		case errors.Is(err, io.ErrUnexpectedEOF): // valid as far as it goes
			return !whole && bytes.ContainsRune(bytes.TrimSpace(text[from:]), '\n')
		case err != nil || !bytes.ContainsRune(value, '\n'):
			return false
		}
	}
	return true
}
