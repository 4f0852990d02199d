package gateway

import "bytes"

// decodeResults reads the answer to a call with n records as Kinesis writes it: an object with a list of objects,
// Records, and otherwise strings without escapes and whole numbers. false: it is written in another way.
func decodeResults(text []byte, n int) ([]Outcome, bool) {
	outcomes := make([]Outcome, 0, n)
	a := results{text: text}
	a.object(func(name []byte) {
		if string(name) != "Records" {
			a.value()
			return
		}
		outcomes = outcomes[:0]
		a.list(func() { outcomes = append(outcomes, a.result()) })
	})
	return outcomes, !a.other && skip(text, a.at) == len(text)
}

// results is an answer that is being read. other: it is not as it usually is, and all that follows is void.
type results struct {
	text  []byte
	at    int
	other bool
}

// take reads a character and the space before it, if it comes next.
func (a *results) take(c byte) bool {
	a.at = skip(a.text, a.at)
	if a.other || a.at == len(a.text) || a.text[a.at] != c {
		return false
	}
	a.at++
	return true
}

func (a *results) want(c byte) {
	if !a.take(c) {
		a.other = true
	}
}

// object reads an object; member reads a value.
func (a *results) object(member func(name []byte)) {
	a.want('{')
	if a.take('}') {
		return
	}
	for more := true; more && !a.other; more = a.take(',') {
		name := a.string()
		a.want(':')
		member(name)
	}
	a.want('}')
}

// list reads a list; element reads a value.
func (a *results) list(element func()) {
	a.want('[')
	if a.take(']') {
		return
	}
	for more := true; more && !a.other; more = a.take(',') {
		element()
	}
	a.want(']')
}

func (a *results) string() []byte {
	a.want('"')
	if a.other {
		return nil
	}
	rest := a.text[a.at:]
	end := bytes.IndexByte(rest, '"')
	if end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		a.other = true
		return nil
	}
	a.at += end + 1
	return rest[:end]
}

// value reads a string, a whole number or null, and tells what a string says.
func (a *results) value() (text []byte, isString bool) {
	a.at = skip(a.text, a.at)
	rest := a.text[a.at:]
	switch {
	case bytes.HasPrefix(rest, []byte("null")):
		a.at += len("null")
		return nil, false
	case len(rest) > 0 && rest[0] == '"':
		return a.string(), true
	}
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	a.other = a.other || digits == 0 || digits > 1 && rest[0] == '0'
	a.at += digits
	return nil, false
}

// result reads what became of one record: it has a sequence number or an error code.
func (a *results) result() Outcome {
	var sequence, code []byte
	var failed bool
	a.object(func(name []byte) {
		text, isString := a.value()
		switch string(name) {
		case "SequenceNumber":
			sequence = text
		case "ErrorCode":
			code, failed = text, isString
		}
	})
	switch {
	case failed:
		return classify(string(code))
	case len(sequence) > 0:
		return Accepted
	}
	return Unavailable
}
