package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dip/contract"
	"dip/tableschema"
)

// readSchemas reads each segment's Table Schema and checks what the segment says about its fields.
func (s *Stack) readSchemas(files fs.FS, found *problems) {
	for _, name := range s.SegmentNames() {
		segment, at := s.Segments[name], "segments."+name
		data, err := fs.ReadFile(files, path.Clean(segment.Schema))
		if err != nil {
			found.add(at+".schema", "%v", err)
			continue
		}
		table, err := tableschema.Parse(data)
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				found.add(at+".schema", "%s: %s", segment.Schema, line)
			}
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, bytes.TrimPrefix(data, []byte("\ufeff"))); err != nil {
			found.add(at+".schema", "%s: %v", segment.Schema, err)
			continue
		}
		segment.schema = compact.Bytes()
		s.Segments[name] = segment
		segment.Partition.validate(at+".partition", table, found)
		segment.validateNames(at, table, found)
		segment.validateWidth(at, len(table.Fields), found)
	}
}

// Memory of a chunk's outputs: each column of each partition has a page that is being filled and a dictionary. A
// function's memory is enough for these columns in any case; beyond, they are counted (bench's tests measure both).
const (
	wideColumns   = 8192
	wideBaseMB    = 256
	columnsPerMiB = 64
)

// validateWidth refuses tables whose partitions do not fit into a function together.
func (s Segment) validateWidth(at string, columns int, found *problems) {
	partitions := 1
	if s.Partition.Field != "" {
		partitions = s.MaxPartitions
	}
	all := columns * partitions
	if need := wideBaseMB + (all+columnsPerMiB-1)/columnsPerMiB; all > wideColumns && need > s.MemoryMB {
		most := max(wideColumns, (s.MemoryMB-wideBaseMB)*columnsPerMiB) / columns
		found.add(at+".memoryMB", "%d: %d columns in %d partitions take %d MiB together: want %s.memoryMB of at least that, "+
			"or %s.maxPartitions of at most %d", s.MemoryMB, columns, partitions, need, at, at, max(1, most))
	}
}

// validateNames refuses names that readers of the outputs confuse: they ignore case, and a column of Hive-style paths
// hides a field of the same name.
func (s Segment) validateNames(at string, table *tableschema.Schema, found *problems) {
	column := s.Partition.catalog().Column()
	rename := "rename it in the inputs and the schema"
	if s.Encoding.Format == contract.NDJSON {
		rename = `rename it and set "path" to its present name`
	}
	for i, f := range table.Fields {
		path := fmt.Sprintf("%s.schema: %s: fields[%d].name", at, s.Schema, i)
		for _, other := range table.Fields[:i] {
			if strings.EqualFold(f.Name, other.Name) {
				found.add(path, "%q differs from %q in case only, which readers of the outputs do not distinguish: %s", f.Name,
					other.Name, rename)
			}
		}
		if strings.EqualFold(f.Name, column) && f.Name != s.Partition.Field {
			mend := "partition by another field or step"
			if s.Partition.Field == "" && slices.Contains(dated, f.Type) {
				mend = fmt.Sprintf("partition by it (partition: {field: %s, by: month})", f.Name)
			}
			found.add(path, "%q is hidden by the partition column %s from readers of Hive-style paths: %s, or %s", f.Name,
				column, mend, rename)
		}
	}
}

// dated are the types that ByDay, ByMonth and ByYear can cut; named are those whose values can be a folder's name.
var (
	dated = []tableschema.Type{tableschema.Date, tableschema.Datetime}
	named = []tableschema.Type{
		tableschema.String, tableschema.Integer, tableschema.Boolean, tableschema.Date, tableschema.Year,
		tableschema.Yearmonth,
	}
)

func (p Partition) validate(at string, table *tableschema.Schema, found *problems) {
	if p.Field == "" {
		if p.By != "" {
			found.add(at+".field", "missing; %s.by needs it", at)
		}
		return
	}
	i := slices.IndexFunc(table.Fields, func(f tableschema.Field) bool { return f.Name == p.Field })
	if i < 0 {
		names := make([]string, len(table.Fields))
		for i, f := range table.Fields {
			names[i] = f.Name
		}
		found.add(at+".field", "the schema has no field %s; %s", p.Field, Suggest(p.Field, names))
		return
	}
	types := dated
	if p.By == ByValue {
		types = named
	}
	if !slices.Contains(types, table.Fields[i].Type) {
		found.add(at+".by", "%s does not apply to %s, a %s: want a field of type %s", p.By, p.Field, table.Fields[i].Type,
			join(types))
	}
}
