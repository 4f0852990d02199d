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

// A chunk of 256 MiB stays within a function of 512 MiB.
func TestPeakMemoryOfALargeChunk(t *testing.T) {
	in := inputs()[2]
	in.schema = func() ([]byte, error) { return os.ReadFile(filepath.Join("..", "schemas", in.name+".json")) }
	d, err := in.definition()
	if err != nil {
		t.Fatal(err)
	}
	var notes strings.Builder
	path, err := in.generate(t.TempDir(), 256<<20, &terminal.Screen{Out: &notes, Err: &notes})
	if err != nil {
		t.Fatal(err)
	}
	fits(t, d, path)
}

// So does a table as wide as config allows for that function: 8,192 columns of all partitions together.
func TestPeakMemoryOfAWideTable(t *testing.T) {
	path, d := wide(t, 128, 64, 20_000)
	fits(t, d, path)
}

func fits(t *testing.T, d contract.Segment, path string) {
	t.Helper()
	const memoryMB = 512
	c, ctx := measured(t, d, path, memoryMB)
	m, err := c.memory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes: %s", c.bytes, mebibytes(m.Usage.Peak))
	if m.Usage.Peak > memoryMB<<20 {
		t.Errorf("%s in a function of %d MiB", mebibytes(m.Usage.Peak), memoryMB)
	}
}
