package sniff

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"dip/contract"
)

// The byte order marks, those of UTF-32 first: that of UTF-16LE is the beginning of one of them (Unicode 16, 23.8).
var marks = []struct {
	bom, name string
	charset   contract.Charset // "": none that a segment may have
}{
	{"\xff\xfe\x00\x00", "UTF-32LE", ""}, {"\x00\x00\xfe\xff", "UTF-32BE", ""},
	{"\xff\xfe", "UTF-16LE", contract.UTF16LE}, {"\xfe\xff", "UTF-16BE", contract.UTF16BE},
	{"\xef\xbb\xbf", "UTF-8", contract.UTF8},
}

// unicode finds texts in another form of Unicode than the charset.
func unicode(head []byte, charset contract.Charset) error {
	for _, m := range marks {
		switch {
		case !bytes.HasPrefix(head, []byte(m.bom)):
		case m.charset == charset:
			return nil
		default:
			return other("begins with the byte order mark of", m.name, m.charset, charset)
		}
	}
	found := unmarked(head)
	switch {
	case found == charset:
	case found != "":
		return other("looks like", strings.ToUpper(string(found)), found, charset)
	case len(head) > 1 && (charset == contract.UTF16LE || charset == contract.UTF16BE) && ascii(head):
		return other("looks like", "UTF-8", contract.UTF8, charset)
	}
	return nil
}

func other(how, name string, found, want contract.Charset) error {
	mend := fmt.Sprintf("convert it, as by `iconv -f %s -t %s FILE`", name, strings.ToUpper(string(want)))
	if found != "" {
		mend += fmt.Sprintf(", or set encoding: {charset: %s} for the segment", found)
	}
	return fmt.Errorf("%s %s, the segment's charset is %s: %s", how, name, want, mend)
}

// ascii says that there is no byte that UTF-16 has in every text with ASCII characters in it.
func ascii(head []byte) bool {
	for _, c := range head {
		if c == 0 || c >= 0x80 {
			return false
		}
	}
	return true
}

// unmarked finds UTF-16 by its zero bytes: those of Latin text and of line ends are all in the same half of the
// units. In UTF-8 a zero byte is a character that hardly any text has.
func unmarked(head []byte) contract.Charset {
	head = head[:min(len(head), sample)&^1]
	var zeros [2]int
	latin, feeds := 0, 0
	for i, c := range head {
		if c != 0 {
			continue
		}
		zeros[i%2]++
		other := head[i^1]
		if other >= ' ' && other <= '~' || other == '\t' || other == '\r' || other == '\n' {
			latin++
		}
		if other == '\n' {
			feeds++
		}
	}
	units := len(head) / 2
	mostlyLatin := units >= 4 && 4*latin >= 3*units
	// Other scripts have few zeros, and their bytes are hardly ever UTF-8.
	hardlyLatin := units >= 4 && feeds > 0 && latin == zeros[0]+zeros[1] && !valid(head)
	if zeros[0] > 0 && zeros[1] > 0 || !mostlyLatin && !hardlyLatin {
		return ""
	}
	if zeros[0] > 0 {
		return contract.UTF16BE
	}
	return contract.UTF16LE
}

// valid says that a sample is UTF-8, which may be cut off.
func valid(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(head)
		}
		head = head[n:]
	}
	return true
}
