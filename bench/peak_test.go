package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dip/contract"
	"dip/internal/terminal"
)

const childVariable = "DIP_BENCH_CHILD"

// TestMain runs the program itself where a test starts it as a process of its own, whose memory can be measured.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func measured(t *testing.T, d contract.Segment, path string, memoryMB int) (contest, context.Context) {
	t.Helper()
	t.Setenv(childVariable, "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	var notes strings.Builder
	c := contest{options: &options{screen: &terminal.Screen{Out: &notes, Err: &notes}, memoryMB: memoryMB, rounds: 1,
		bytes: info.Size()}, work: work, self: self, segment: d, path: path,
		definition: filepath.Join(work, "definition.json")}
	if err := writeDefinition(c.definition, d); err != nil {
		t.Fatal(err)
	}
	return c, t.Context()
}

// wide writes rows of many columns whose partition changes from row to row.
func wide(t *testing.T, columns, partitions, rows int) (path string, d contract.Segment) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "wide.csv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(f)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range rows {
		fmt.Fprintf(out, "p%d", i%partitions)
		for range columns - 1 {
			fmt.Fprintf(out, ",%d", random.Uint32()>>12)
		}
		fmt.Fprintln(out)
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	fields := []string{`{"name":"p","type":"string"}`}
	for i := range columns - 1 {
		kind := "integer"
		if i%2 == 0 {
			kind = "string"
		}
		fields = append(fields, fmt.Sprintf(`{"name":"c%d","type":%q}`, i, kind))
	}
	d = definition(`{"fields":[`+strings.Join(fields, ",")+`]}`, comma)
	d.Dialect.Header = false
	d.Partition = contract.Partition{Field: "p", By: "value"}
	return path, d
}

func TestWideProbe(t *testing.T) {
	for _, c := range []struct{ columns, partitions, rows int }{{2000, 64, 640}, {2000, 16, 640}, {2000, 1, 640}, {2000, 1, 5000}, {500, 64, 640}} {
		path, d := wide(t, c.columns, c.partitions, c.rows)
		k, ctx := measured(t, d, path, 1769)
		m, err := k.memory(ctx)
		info, _ := os.Stat(path)
		t.Logf("%+v %d MB: %s %v %v", c, info.Size()>>20, mebibytes(m.Usage.Peak), m.Usage.CPU, err)
	}
}
