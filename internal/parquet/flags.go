package parquet

// flags stores the pending values of a boolean column. They take a bit each and never a dictionary.
type flags struct {
	vals  []bool
	stats boolStats
}

func (f *flags) reset() { *f = flags{} }

func (f *flags) add(_ *codec, r *run) int {
	f.vals = append(f.vals, r.bools...)
	f.stats.add(r.bools)
	return len(r.bools)
}

func (f *flags) pending() int                        { return len(f.vals) }
func (f *flags) dictSize() (entries, held int)       { return 0, 0 }
func (f *flags) plainBytes() int                     { return (len(f.vals) + 7) / 8 }
func (f *flags) indexing() bool                      { return false }
func (f *flags) indexPays(*codec, int) bool          { return false }
func (f *flags) endIndex(bool)                       {}
func (f *flags) dictionary(out []byte) ([]byte, int) { return out, 0 }
func (f *flags) bounds() (*bounds, error)            { return f.stats.bounds(), nil }

func (f *flags) encode(_ *codec, out []byte) ([]byte, int, error) {
	var acc byte
	for i, v := range f.vals {
		if v {
			acc |= 1 << (i & 7)
		}
		if i&7 == 7 {
			out = append(out, acc)
			acc = 0
		}
	}
	if len(f.vals)&7 != 0 {
		out = append(out, acc)
	}
	f.vals = f.vals[:0]
	return out, encPlain, nil
}
