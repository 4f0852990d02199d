package parquet

import (
	"fmt"

	"dip/internal/record"
)

const (
	// indexTrial is the number of values after which a dictionary has to have proved its worth.
	indexTrial = 4096
	// indexLeast is the number of values below which it does not matter.
	indexLeast = 64
)

// store keeps the values of the page that a column is filling, and the dictionary of its row group.
type store interface {
	reset()
	// add takes values of the run from its first on and returns how many: fewer than all where the dictionary is full.
	add(c *codec, r *run) int
	pending() int                  // bytes held for the page
	plainBytes() int               // bytes that the page's values take in PLAIN form
	dictSize() (entries, held int) // bytes of the dictionary itself, and with its look-up tables
	indexing() bool                // values go to the dictionary
	// indexPays reports whether the dictionary is likely smaller than other encodings, after seen values.
	indexPays(c *codec, seen int) bool
	// endIndex stops the use of the dictionary. With keep its entries stay, for pages written already, and no value
	// may be pending; otherwise pending values are kept without it.
	endIndex(keep bool)
	// encode appends the pending values, of which there must be some, and says how they are encoded.
	encode(c *codec, out []byte) ([]byte, int, error)
	// dictionary appends the entries in PLAIN form and returns their number.
	dictionary(out []byte) ([]byte, int)
	// bounds is nil where no value has an order. It is called once, at the end of a row group.
	bounds() (*bounds, error)
}

func newStore(t record.Type) store {
	switch t.Kind {
	case record.Bool:
		return &flags{}
	case record.String, record.JSON:
		return newTexts()
	default:
		return newWords(t)
	}
}

// chunk is one column of the row group that is being filled. What it writes depends on its rows alone, not on the runs
// in which they come.
type chunk struct {
	typ       record.Type
	values    store
	pageBytes int // pending bytes from which a page is written
	present   []byte
	nulls     int // in present
	tried     bool

	pages      [][]byte            // headers and compressed data
	efforts    [encDict + 1]effort // of pages by encoding
	encodings  [encDict + 1]int32
	pagesBytes int
	rawBytes   int64 // of the pages before compression, with headers
	rows       int64
	nullRows   int64
	high       int // most bytes that a page has held while it was filled
}

func newChunk(t record.Type, pageBytes int) *chunk {
	return &chunk{typ: t, values: newStore(t), pageBytes: pageBytes}
}

// reset gives the memory back: a writer may have no further rows.
func (k *chunk) reset() {
	k.values.reset()
	*k = chunk{typ: k.typ, values: k.values, pageBytes: k.pageBytes}
}

// size is the number of bytes that are ready to be written, the dictionary included, and of those in memory, spare
// capacity of slices not included. Both depend on the rows alone.
func (k *chunk) size() (ready, held int) {
	ready, held = k.values.dictSize()
	return ready + k.pagesBytes, held + k.pagesBytes + max(k.high, k.filling())
}

func (k *chunk) filling() int { return k.values.pending() + len(k.present) }

func (k *chunk) add(c *codec, r run) error {
	for {
		n := k.values.add(c, &r)
		if n == r.values() {
			k.take(r)
			return nil
		}
		head, tail := r.split(n)
		k.take(head)
		if err := k.endIndex(c); err != nil {
			return err
		}
		r = tail
	}
}

func (k *chunk) take(r run) {
	k.present = append(k.present, r.present...)
	k.nulls += r.nulls
}

// endIndex continues without the dictionary, which is dropped if no page needs it yet and the pending values, which it
// may have kept small, do not grow beyond measure without it.
func (k *chunk) endIndex(c *codec) error {
	k.tried = true
	if k.encodings[encDict] == 0 && k.values.plainBytes() <= 2*k.pageBytes {
		k.values.endIndex(false)
		return nil
	}
	if err := k.flushPage(c); err != nil {
		return err
	}
	k.values.endIndex(true)
	return nil
}

// endStripe is called at rows that do not depend on batches, and writes a page that is due.
func (k *chunk) endStripe(c *codec) error {
	if k.seen() >= indexTrial {
		if err := k.tryIndex(c); err != nil {
			return err
		}
	}
	if len(k.present) >= pageRows || k.filling() >= k.pageBytes {
		return k.flushPage(c)
	}
	return nil
}

// seen counts the values of the row group so far.
func (k *chunk) seen() int {
	return int(k.rows-k.nullRows) + len(k.present) - k.nulls
}

// tryIndex decides whether the dictionary stays in use: for the whole row group once there are enough values.
func (k *chunk) tryIndex(c *codec) error {
	if k.tried || !k.values.indexing() {
		return nil
	}
	seen := k.seen()
	k.tried = seen >= indexTrial
	if seen < indexLeast || k.values.indexPays(c, seen) {
		return nil
	}
	return k.endIndex(c)
}

// flushPage writes the pending rows, if any, as a page.
func (k *chunk) flushPage(c *codec) error {
	if err := k.tryIndex(c); err != nil {
		return err
	}
	if len(k.present) == 0 {
		return nil
	}
	k.high = max(k.high, k.filling())
	c.page = appendLevels(c.page[:0], k.present, k.nulls)
	encoding := encPlain
	var err error
	if k.nulls < len(k.present) {
		c.page, encoding, err = k.values.encode(c, c.page)
	}
	var sealed page
	if err == nil {
		sealed, err = k.seal(c, encoding)
	}
	if err != nil {
		return fmt.Errorf("write page of column %s: %w", k.typ.Name, err)
	}
	k.pages = append(k.pages, sealed.bytes)
	k.encodings[encoding]++
	k.pagesBytes += len(sealed.bytes)
	k.rawBytes += sealed.raw
	k.rows += int64(len(k.present))
	k.nullRows += int64(k.nulls)
	k.present, k.nulls = k.present[:0], 0
	return nil
}

// seal compresses a page as hard as the first one of its kind in the row group was worth. Whether it is stored is asked
// of each page that is large enough.
func (k *chunk) seal(c *codec, encoding int) (page, error) {
	how := &k.efforts[encoding]
	if *how == untried || *how == stored {
		var err error
		if *how, err = c.choose(c.page); err != nil {
			return page{}, err
		}
	}
	return c.seal(&pageHeader{values: len(k.present), encoding: encoding}, *how)
}
