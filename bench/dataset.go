package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"dip/contract"
	"dip/internal/sample"
	"dip/internal/terminal"
)

//go:embed quoted.json
var quotedSchema []byte

// dataset is a kind of generated input.
type dataset struct {
	name, file string
	dialect    contract.Dialect
	schema     func() ([]byte, error)
	write      func(w io.Writer, size int64) error
}

// definition is a segment whose records are like this input's.
func (in dataset) definition() (contract.Segment, error) {
	text, err := in.schema()
	if err != nil {
		return contract.Segment{}, fmt.Errorf("read the schema (bench runs in the root of the checkout): %w", err)
	}
	return contract.Segment{Dialect: in.dialect, Schema: text, MaxRecordMB: maxRecordMB}, nil
}

func shipped(name string) func() ([]byte, error) {
	return func() ([]byte, error) { return os.ReadFile(filepath.Join("schemas", name)) }
}

// maxRecordMB is the default of a segment.
const maxRecordMB = 16

var comma = contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`, Header: true}

func inputs() []dataset {
	return []dataset{
		{
			name: "trips", file: "trips.csv", dialect: comma, schema: shipped("trips.json"),
			write: func(w io.Writer, size int64) error {
				_, err := sample.Trips(w, sample.Options{Bytes: size, Seed: 1})
				return err
			},
		},
		{
			name: "quoted", file: "quoted.csv", dialect: comma,
			schema: func() ([]byte, error) { return quotedSchema, nil },
			write:  writeQuoted,
		},
		{
			name: "events", file: "events.ndjson", dialect: contract.Dialect{Encoding: contract.NDJSON},
			schema: shipped("events.json"),
			write: func(w io.Writer, size int64) error {
				_, err := sample.Events(w, sample.Options{Bytes: size, Seed: 1})
				return err
			},
		},
	}
}

func inputNames() []string {
	var names []string
	for _, in := range inputs() {
		names = append(names, in.name)
	}
	return names
}

// generate generates the file unless an earlier run left it, and returns its path.
func (in dataset) generate(dir string, size int64, scr *terminal.Screen) (string, error) {
	path := filepath.Join(dir, strconv.FormatInt(size, 10)+"-"+in.file)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	scr.Notef("generating %s of %s ...", terminal.Bytes(size), in.file)
	f, err := os.Create(path + ".new")
	if err != nil {
		return "", fmt.Errorf("generate %s: %w", in.file, err)
	}
	w := bufio.NewWriterSize(f, 256<<10)
	if err := errors.Join(in.write(w, size), w.Flush(), f.Close()); err != nil {
		return "", fmt.Errorf("generate %s: %w", in.file, err)
	}
	return path, os.Rename(path+".new", path)
}

// writeDefinition leaves a segment's definition for the process that measures itself.
func writeDefinition(path string, d contract.Segment) error {
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode the segment's definition: %w", err)
	}
	return os.WriteFile(path, text, 0o644)
}

var (
	firstNames = []string{"Ann", "Bob", "Chloé", "Dmitri", "Eve", "Fatima", "Gustav", "Hana"}
	lastNames  = []string{"Miller", "O'Neil", "García", "van den Berg", "Nguyen", "Okafor", "Smith", "Zhang"}
	countries  = []string{"DE", "FR", "US", "BR", "JP", "IN", "ZA", "SE"}
	words      = []string{
		"please", "deliver", "before", "noon", "ring", "twice", "the", "door", "is", "green", "leave", "at", "neighbour",
		"Grüße", "aus", "Köln", "fragile", "no", "paper", "invoice", "needed", "café", "second", "floor", "thanks",
	}
	joints = []string{" ", " ", " ", " ", ", ", ", ", "\n", `, ""quote"" `}
	labels = []string{"new", "gift", "b2b", "express", "return", "vip"}
)

// writeQuoted writes orders: four of ten fields are quoted, with delimiters, doubled quotes and line breaks in them,
// and two thirds of the bytes are inside quotes.
func writeQuoted(w io.Writer, size int64) error {
	r := rand.New(rand.NewPCG(11, 12))
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := []byte("order_id,customer,email,created_at,country,amount,currency,quantity,notes,tags\n")
	for order, written := 1, int64(0); ; order++ {
		at = at.Add(time.Duration(r.IntN(4)) * time.Second)
		first, last := firstNames[r.IntN(len(firstNames))], lastNames[r.IntN(len(lastNames))]
		b = fmt.Appendf(b, "%d,\"%s, %s\",user%d@example.com,", order, last, first, r.IntN(1_000_000))
		b = at.AppendFormat(b, time.DateTime)
		b = fmt.Appendf(b, ",%s,%d.%02d,EUR,%d,", countries[r.IntN(len(countries))], r.IntN(2000), r.IntN(100), 1+r.IntN(9))
		if n := r.IntN(30); n > 2 {
			b = append(b, '"')
			for i := range n {
				if i > 0 {
					b = append(b, joints[r.IntN(len(joints))]...)
				}
				b = append(b, words[r.IntN(len(words))]...)
			}
			b = append(b, '"')
		}
		b = fmt.Appendf(b, ",\"%s,%s\"\n", labels[r.IntN(len(labels))], labels[r.IntN(len(labels))])
		if done := written+int64(len(b)) >= size; done || len(b) >= 64<<10 {
			n, err := w.Write(b)
			if err != nil || done {
				return err
			}
			written, b = written+int64(n), b[:0]
		}
	}
}
