// Package sniff names, by their first bytes, inputs that are not the text that a segment expects, and says what to do.
package sniff

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"dip/contract"
)

// format is a kind of file that is not text, or not text of records.
type format struct {
	is    string
	magic string
	mend  string
	text  bool // the magic number may begin a text: something that is none has to follow
}

// The mends of several kinds.
const (
	extract = "extract its files and land them one by one"
	export  = "export it as CSV or NDJSON"
	decrypt = "decrypt it before it lands"
)

// formats have their first bytes from RFC 1952 (gzip), RFC 8878 (zstd), RFC 9580 (PGP), ISO 32000 (PDF), MS-CFB
// (Office) and the format specifications of the other projects.
var formats = []format{
	{is: "compressed with gzip", magic: "\x1f\x8b\x08", mend: "compress it once only"},
	{is: "compressed with zstd", magic: "\x28\xb5\x2f\xfd", mend: "compress it once only"},
	{is: "compressed with bzip2", magic: "BZh", text: true, mend: recompress("bzcat")},
	{is: "compressed with xz", magic: "\xfd7zXZ\x00", mend: recompress("xzcat")},
	{is: "compressed with lzip", magic: "LZIP\x01", mend: recompress("lzip -dc")},
	{is: "compressed with compress (.Z)", magic: "\x1f\x9d", mend: recompress("uncompress -c")},
	{is: "compressed with lz4", magic: "\x04\x22\x4d\x18", mend: recompress("lz4 -dc")},
	{is: "compressed with lz4 (legacy)", magic: "\x02\x21\x4c\x18", mend: recompress("lz4 -dc")},
	{is: "compressed with snappy", magic: "\xff\x06\x00\x00sNaPpY", mend: recompress("snzip -dc")},
	{is: "a 7z archive", magic: "7z\xbc\xaf\x27\x1c", mend: extract},
	{is: "a RAR archive", magic: "Rar!\x1a\x07", mend: extract},
	{is: "a Parquet file", magic: "PAR1", text: true, mend: export},
	{is: "an encrypted Parquet file", magic: "PARE", text: true, mend: "decrypt it and " + export},
	{is: "an ORC file", magic: "ORC", text: true, mend: export},
	{is: "an Avro file", magic: "Obj\x01", mend: export},
	{is: "an Arrow file", magic: "ARROW1\x00\x00", mend: export},
	{is: "a Feather file", magic: "FEA1", text: true, mend: export},
	{is: "an SQLite database", magic: "SQLite format 3\x00", mend: export},
	{is: "a PDF", magic: "%PDF-", mend: export},
	{is: "an old Office file such as .xls", magic: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", mend: saveAs},
	{is: "a PGP message", magic: "-----BEGIN PGP", mend: decrypt},
	{is: "encrypted with age", magic: "age-encryption.org/", mend: decrypt},
	{is: "encrypted with openssl", magic: "Salted__", text: true, mend: decrypt},
	{is: "a pointer of Git LFS", magic: "version https://git-lfs.", mend: "fetch it with `git lfs pull`"},
}

const saveAs = "save its sheet as CSV in UTF-8"

func recompress(command string) string {
	return fmt.Sprintf("compress it with gzip or zstd instead, as by `%s FILE | zstd > FILE.zst`", command)
}

// Foreign says what the first bytes of an input's content are instead of text in a charset, and what to do; nil when
// nothing is known against them.
func Foreign(head []byte, charset contract.Charset) error {
	if f, ok := known(head); ok {
		return fmt.Errorf("is %s: %s", f.is, f.mend)
	}
	return unicode(head, cmp.Or(charset, contract.UTF8))
}

// Document says what a text is instead of records, and what to do; nil when nothing is known against it. text is the
// beginning of the text in UTF-8, or all of it.
func Document(text []byte, e contract.Encoding, whole bool) error {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\ufeff")), " \t\r\n")
	if err := markup(text); err != nil {
		return err
	}
	if e == contract.NDJSON {
		return document(text, whole)
	}
	return nil
}

// known finds the kind of a file that is no text.
func known(head []byte) (format, bool) {
	for _, f := range formats {
		if bytes.HasPrefix(head, []byte(f.magic)) && (!f.text || !printable(head[:min(len(head), near)])) {
			return f, true
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")): // APPNOTE.TXT, 4.3
		return zipped(head), true
	case len(head) > 262 && string(head[257:262]) == "ustar" && bytes.IndexByte(head[:257], 0) > 0: // POSIX pax
		return format{is: "a tar archive", mend: extract}, true
	}
	return format{}, false
}

// zipped tells office documents, which are zip archives, by the names of their first files.
func zipped(head []byte) format {
	switch {
	case bytes.Contains(head, []byte("xl/")):
		return format{is: "an Excel workbook (.xlsx)", mend: saveAs}
	case bytes.Contains(head, []byte("opendocument.spreadsheet")):
		return format{is: "a spreadsheet (.ods)", mend: saveAs}
	}
	return format{is: "a zip archive", mend: extract}
}

// near is how soon something that is no text follows a magic number that may begin a text.
const near = 32

// sample is how many bytes decide whether an input is text.
const sample = 4 << 10

// printable says that bytes, which may be cut off, are UTF-8 without control characters but those of lines and columns.
func printable(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		switch {
		case r == utf8.RuneError && n == 1 && !utf8.FullRune(head): // cut off
			return true
		case r == utf8.RuneError && n == 1, r < ' ' && !strings.ContainsRune("\t\r\n\f", r):
			return false
		}
		head = head[n:]
	}
	return true
}

// markup finds pages and documents, which a download saves in place of a file that it did not get.
func markup(text []byte) error {
	begins := func(with string) bool {
		return len(text) >= len(with) && strings.EqualFold(string(text[:len(with)]), with)
	}
	switch {
	case begins("<!doctype html"), begins("<html"):
		return errors.New("is an HTML page, as a failed download or a login page leaves it: open it to see what it says, " +
			"and fetch the file again")
	case begins("<?xml"):
		return errors.New("is an XML document, as a failed download may leave it: open it to see what it says; " +
			"CSV and NDJSON can be loaded")
	}
	return nil
}
