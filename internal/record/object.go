package record

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// CheckObject says why a text is not one JSON object, by the rules of a parser under any schema: UTF-8, strings without
// half of a surrogate pair, and no more than 512 levels. Its text completes a sentence that begins with the record.
func CheckObject(text []byte) error {
	if plainObject(text) {
		return nil
	}
	at := skipSpace(text, 0)
	switch {
	case at == len(text) || text[at] != '{':
		return errors.New("is not a JSON object")
	case !utf8.Valid(text):
		return errors.New("is not valid UTF-8")
	}
	var p Parser
	stop := p.skipValue(text, at, 0)
	if stop < 0 {
		return errors.New(p.fault.reason)
	}
	if stop = skipSpace(text, stop); stop != len(text) {
		return fmt.Errorf("has data after its object, at byte %d", stop)
	}
	return nil
}
