package parquet

import (
	"encoding/binary"
	"fmt"

	"dip/internal/record"
)

const magic = "PAR1"

// Numbers of the format's enums and unions.
const (
	formatVersion = 2
	codecZstd     = 6

	physBoolean   = 0
	physInt32     = 1
	physInt64     = 2
	physDouble    = 5
	physByteArray = 6

	optional = 1

	convertedUTF8            = 0
	convertedDecimal         = 5
	convertedDate            = 6
	convertedTimestampMicros = 10

	logicalString    = 1
	logicalDecimal   = 5
	logicalDate      = 6
	logicalTime      = 7
	logicalTimestamp = 8

	unitMicros = 2
)

// flush writes the open row group, if it has rows, and gives its memory back.
func (w *Writer) flush() error {
	if w.rows == 0 {
		return nil
	}
	t := &w.groups
	t.beginElem()
	t.list(1, thriftStruct, len(w.chunks))
	offset := w.stats.Bytes
	raw := int64(0)
	for _, k := range w.chunks {
		n, err := w.flushChunk(k)
		if err != nil {
			return fmt.Errorf("write row group %d, column %s: %w", w.stats.RowGroups, k.typ.Name, err)
		}
		raw += n
	}
	t.i64(2, raw)
	t.i64(3, int64(w.rows))
	t.i64(5, offset)
	t.i64(6, w.stats.Bytes-offset)
	t.end()
	w.stats.Rows += int64(w.rows)
	w.stats.RowGroups++
	w.rows = 0
	return nil
}

// flushChunk writes a column chunk and its metadata, and returns its size before compression.
func (w *Writer) flushChunk(k *chunk) (int64, error) {
	if err := k.flushPage(w.codec); err != nil {
		return 0, err
	}
	stats, err := k.values.bounds()
	if err != nil {
		return 0, err
	}
	start, entries := w.stats.Bytes, 0
	w.codec.page, entries = k.values.dictionary(w.codec.page[:0])
	if entries > 0 {
		dict, err := w.codec.seal(&pageHeader{dictionary: true, values: entries, encoding: encPlain}, full)
		if err != nil {
			return 0, err
		}
		if err := w.emit(dict.bytes); err != nil {
			return 0, err
		}
		k.rawBytes += dict.raw
	}
	data := w.stats.Bytes
	for _, p := range k.pages {
		if err := w.emit(p); err != nil {
			return 0, err
		}
	}
	t := &w.groups
	t.beginElem()
	t.i64(2, 0) // deprecated, and required
	t.begin(3)
	t.i32(1, physicalType(k.typ))
	k.encodingList(t, entries > 0)
	t.list(3, thriftBinary, 1)
	t.stringElem(k.typ.Name)
	t.i32(4, codecZstd)
	t.i64(5, k.rows)
	t.i64(6, k.rawBytes)
	t.i64(7, w.stats.Bytes-start)
	t.i64(9, data)
	if entries > 0 {
		t.i64(11, start)
	}
	t.begin(12)
	t.i64(3, k.nullRows)
	stats.write(t)
	t.end()
	k.encodingStats(t, entries > 0)
	t.end()
	t.end()
	raw := k.rawBytes
	k.reset()
	return raw, nil
}

// encodingList names every encoding that the chunk uses, levels and dictionary included.
func (k *chunk) encodingList(t *thriftWriter, dictionary bool) {
	used := []int32{encRLE}
	for e, pages := range k.encodings {
		if pages > 0 || e == encPlain && dictionary {
			used = append(used, int32(e))
		}
	}
	t.list(2, thriftI32, len(used))
	for _, e := range used {
		t.i32Elem(e)
	}
}

// encodingStats says whether all pages refer to the dictionary.
func (k *chunk) encodingStats(t *thriftWriter, dictionary bool) {
	type entry struct{ pageType, encoding, pages int32 }
	var entries []entry
	if dictionary {
		entries = append(entries, entry{pageDictionary, encPlain, 1})
	}
	for e, pages := range k.encodings {
		if pages > 0 {
			entries = append(entries, entry{pageData, int32(e), pages})
		}
	}
	t.list(13, thriftStruct, len(entries))
	for _, e := range entries {
		t.beginElem()
		t.i32(1, e.pageType)
		t.i32(2, e.encoding)
		t.i32(3, e.pages)
		t.end()
	}
}

func (b *bounds) write(t *thriftWriter) {
	if b == nil {
		return
	}
	t.bytes(5, b.max)
	t.bytes(6, b.min)
	t.bool(7, b.maxExact)
	t.bool(8, b.minExact)
}

func (w *Writer) footer() []byte {
	var t thriftWriter
	t.i32(1, formatVersion)
	t.list(2, thriftStruct, 1+len(w.types))
	t.beginElem()
	t.string(4, "schema")
	t.i32(5, int32(len(w.types)))
	t.end()
	for _, typ := range w.types {
		t.schemaElem(typ)
	}
	t.i64(3, w.stats.Rows)
	t.list(4, thriftStruct, w.stats.RowGroups)
	t.buf = append(t.buf, w.groups.buf...)
	t.string(6, w.opts.CreatedBy)
	t.list(7, thriftStruct, len(w.types))
	for range w.types {
		t.beginElem()
		t.empty(1) // the order that the type defines
		t.end()
	}
	t.end()
	t.buf = binary.LittleEndian.AppendUint32(t.buf, uint32(len(t.buf)))
	return append(t.buf, magic...)
}

func physicalType(t record.Type) int32 {
	switch t.Kind {
	case record.Bool:
		return physBoolean
	case record.Date:
		return physInt32
	case record.Float64:
		return physDouble
	case record.String, record.JSON:
		return physByteArray
	default:
		return physInt64
	}
}

// schemaElem writes a column's type. As the format asks, the older converted type stands beside the logical one only
// where it means the same: never for local times. JSON is declared as plain text: readers that know the JSON type give
// it a type of their own, which not every consumer takes as text.
func (t *thriftWriter) schemaElem(typ record.Type) {
	t.beginElem()
	t.i32(1, physicalType(typ))
	t.i32(3, optional)
	t.string(4, typ.Name)
	switch typ.Kind {
	case record.String, record.JSON:
		t.i32(6, convertedUTF8)
		t.begin(10)
		t.empty(logicalString)
		t.end()
	case record.Decimal:
		t.i32(6, convertedDecimal)
		t.i32(7, int32(typ.Scale))
		t.i32(8, int32(typ.Precision))
		t.begin(10)
		t.begin(logicalDecimal)
		t.i32(1, int32(typ.Scale))
		t.i32(2, int32(typ.Precision))
		t.end()
		t.end()
	case record.Date:
		t.i32(6, convertedDate)
		t.begin(10)
		t.empty(logicalDate)
		t.end()
	case record.Time:
		t.timeType(logicalTime, false)
	case record.Timestamp:
		if typ.UTC {
			t.i32(6, convertedTimestampMicros)
		}
		t.timeType(logicalTimestamp, typ.UTC)
	}
	t.end()
}

func (t *thriftWriter) timeType(logical int, utc bool) {
	t.begin(10)
	t.begin(logical)
	t.bool(1, utc)
	t.begin(2)
	t.empty(unitMicros)
	t.end()
	t.end()
	t.end()
}
