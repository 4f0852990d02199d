package sniff

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"dip/contract"
)

func units(text string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func archive(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		if _, err := w.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestForeign(t *testing.T) {
	var gz, tarred bytes.Buffer
	if err := gzip.NewWriter(&gz).Close(); err != nil {
		t.Fatal(err)
	}
	if err := tar.NewWriter(&tarred).WriteHeader(&tar.Header{Name: "a.csv", Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	table := strings.Repeat("id,name\n1,Zoë\n", 20)
	for _, c := range []struct{ name, head, want string }{
		{"gzip", gz.String(), "is compressed with gzip: compress it once only"},
		{"zstd", string(z.EncodeAll([]byte("a"), nil)), "is compressed with zstd"},
		{"bzip2", "BZh91AY&SY\x9e\x8e\x1c\x02",
			"is compressed with bzip2: compress it with gzip or zstd instead, as by `bzcat FILE"},
		{"bzip2 of nothing", "BZh9\x17rE8P\x90\x00\x00\x00\x00", "bzip2"},
		{"xz", "\xfd7zXZ\x00\x00\x04", "is compressed with xz"},
		{"zip", archive(t, "a.csv"), "is a zip archive: extract its files"},
		{"empty zip", archive(t), "is a zip archive"},
		{"Excel", archive(t, "[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), "is an Excel workbook (.xlsx): save"},
		{"ODS", "PK\x03\x04\x14\x00\x00\x08mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK",
			"is a spreadsheet (.ods)"},
		{"xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "is an old Office file such as .xls"},
		{"7z", "7z\xbc\xaf\x27\x1c\x00", "is a 7z archive"},
		{"tar", tarred.String(), "is a tar archive"},
		{"lz4", "\x04\x22\x4d\x18\x64\x40", "is compressed with lz4: "},
		{"snappy", "\xff\x06\x00\x00sNaPpY\x01", "is compressed with snappy"},
		{"Parquet", "PAR1\x15\x04\x15", "is a Parquet file: export it as CSV or NDJSON"},
		{"ORC", "ORC\x0a\x0b\x08", "is an ORC file"},
		{"Avro", "Obj\x01\x04\x16", "is an Avro file"},
		{"PGP", "-----BEGIN PGP MESSAGE-----\n", "is a PGP message: decrypt it"},
		{"Git LFS", "version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS: fetch it"},
		{"UTF-16LE", "\xff\xfe" + units(table, binary.LittleEndian),
			"begins with the byte order mark of UTF-16LE, the segment's charset is utf-8: convert it, " +
				"as by `iconv -f UTF-16LE -t UTF-8 FILE`, or set encoding: {charset: utf-16le}"},
		{"UTF-16BE", "\xfe\xff" + units(table, binary.BigEndian), "begins with the byte order mark of UTF-16BE"},
		{"UTF-32LE", "\xff\xfe\x00\x00a\x00\x00\x00", "begins with the byte order mark of UTF-32LE"},
		{"UTF-32BE", "\x00\x00\xfe\xff\x00\x00\x00a", "begins with the byte order mark of UTF-32BE"},
		{"UTF-16LE without a mark", units(table, binary.LittleEndian),
			"looks like UTF-16LE, the segment's charset is utf-8: convert"},
		{"UTF-16BE without a mark", units(table, binary.BigEndian), "looks like UTF-16BE, "},
		{"UTF-16LE, hardly Latin", units(strings.Repeat("日本語日本語日本語,東京都東京都\n", 9), binary.LittleEndian),
			"looks like UTF-16LE"},
		{"a short one", units("a,b\n", binary.LittleEndian), "looks like UTF-16LE"},
	} {
		for _, charset := range []contract.Charset{"", contract.UTF8} {
			err := Foreign([]byte(c.head), charset)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
		}
	}
}

// What begins like another format may still be text.
func TestTextIsNotForeign(t *testing.T) {
	for _, text := range []string{
		"", "a", "id,name\n1,Zoë\n", "\ufeffid\n", "BZh,id\n1,2\n", "PAR1,PAR2\n1,2\n", "ORC,ELF\n",
		"ORC_ID,name,and some more columns\n1,caf\xe9,\x00\n",
		"Salted__,b\n", "PK,id\n", "a\x00,b\n", "1,\x00\n", "\x00,1\n", "caf\xe9,b\n", "a,\xff\xfe\n", "<a>,<b>\n",
		"\xe6\x97", strings.Repeat("日本語,a\n", 2_000)[:sample+1], "%PDF,a\n", strings.Repeat("a,\x00b\n", 100),
		strings.Repeat("\x00", 100), strings.Repeat("a", 257) + "ustar\n",
	} {
		for _, e := range []contract.Encoding{contract.CSV, contract.NDJSON} {
			if err := errors.Join(Foreign([]byte(text), ""), Document([]byte(text), e, true)); err != nil {
				t.Errorf("%.40q: %v", text, err)
			}
		}
	}
}

func TestDocument(t *testing.T) {
	const array, lines = "is a JSON array, want one object a line: `jq -c '.[]' FILE > FILE.ndjson`",
		"has JSON objects over several lines, want one object a line: `jq -c . FILE > FILE.ndjson`"
	for _, c := range []struct {
		text  string
		whole bool
		want  string // "": records
	}{
		{`[{"a":1},{"a":2}]`, true, array}, {"\ufeff[\r\n  {\r\n", false, array}, {" [ ]\n", true, array},
		{"{\n  \"a\": 1\n}\n", true, lines}, {"{\r\n  \"a\": 1\r\n}\r\n{\r\n \"a\": 2\r\n}", true, lines},
		{"{\n  \"a\": [\n", false, lines}, {"\n\n{\"a\":1,\n\"b\":2}\n{\"a\":1,\n\"b\":2", false, lines},
		{"", true, ""}, {"{", true, ""}, {"{}\n{}", true, ""}, {"{\"a\":1}\n", true, ""}, {"[1]\n{\"a\":1}\n", true, ""},
		{"[]\n{\"a\":1}\n", true, ""}, {"[]\n{\"a\":1}\n", false, ""}, {"[", true, ""},
		{"{\"a\":1\n{\"a\":2}\n", true, ""}, {"{\"a\":1,\n\"b\":2}\n{\"a\":1}\n", true, ""}, // one record is wrong
		{"{\"a\":1,\n\"b\":2", true, ""}, {"{\"a\": \"" + strings.Repeat("x", 99), false, ""},
		{"{\"a\":1}\n{\"a\":", false, ""}, {"{\"a\":\"x\ny\"}\n", true, ""}, {"x", true, ""}, {"null\n", true, ""},
	} {
		err := Document([]byte(c.text), contract.NDJSON, c.whole)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.40q: %v, want %q", c.text, err, c.want)
		}
		if err := Document([]byte(c.text), contract.CSV, c.whole); err != nil {
			t.Errorf("%.40q as CSV: %v", c.text, err)
		}
	}
}

func TestMarkup(t *testing.T) {
	for text, want := range map[string]string{
		"<!DOCTYPE html>\n<html>":      "is an HTML page, as a failed download or a login page leaves it",
		"\ufeff\r\n <HTML lang=en>":    "is an HTML page",
		`<?xml version="1.0"?><Error>`: "is an XML document, as a failed download may leave it",
	} {
		for _, e := range []contract.Encoding{contract.CSV, contract.NDJSON} {
			if err := Document([]byte(text), e, true); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %s", text, err, want)
			}
		}
	}
}

// A segment with a charset gets what it asks for, and is told when it gets something else.
func TestCharsetsAreToldApart(t *testing.T) {
	table := strings.Repeat("id,name\n1,Zoë\n", 20)
	le, be := units(table, binary.LittleEndian), units(table, binary.BigEndian)
	texts := []struct {
		is   contract.Charset
		text string
	}{{contract.UTF16LE, le}, {contract.UTF16LE, "\xff\xfe" + le}, {contract.UTF16BE, be},
		{contract.UTF16BE, "\xfe\xff" + be}, {contract.UTF8, "\ufeff" + table}, {contract.UTF8, "id\n"}}
	for _, c := range texts {
		for _, want := range contract.Charsets {
			err := Foreign([]byte(c.text), want)
			// ASCII is part of the charsets of one byte.
			same := c.is == want || c.text == "id\n" && want != contract.UTF16LE && want != contract.UTF16BE
			if same && err != nil || !same && (err == nil || !strings.Contains(err.Error(),
				fmt.Sprintf("or set encoding: {charset: %s}", c.is))) {
				t.Errorf("%.12q as %s: %v", c.text, want, err)
			}
		}
	}
	for _, want := range contract.Charsets {
		if err := Foreign(nil, want); err != nil {
			t.Errorf("nothing, as %s: %v", want, err)
		}
	}
}
