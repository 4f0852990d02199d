package config

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"

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
	}
}

// dated are the types that ByDay, ByMonth and ByYear can cut; named are those whose values can be a folder's name.
var (
	dated = []tableschema.Type{tableschema.Date, tableschema.Datetime}
	named = []tableschema.Type{
		tableschema.String, tableschema.Integer, tableschema.Boolean, tableschema.Date, tableschema.Year, tableschema.Yearmonth,
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
		found.add(at+".by", "%s is no step for %s, a %s: want a field of type %s", p.By, p.Field, table.Fields[i].Type, join(types))
	}
}
