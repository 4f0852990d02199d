package parquet

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// bitsAt reads width bits at a bit offset, least significant first.
func bitsAt(p []byte, offset, width int) uint64 {
	v := uint64(0)
	for i := range width {
		bit := offset + i
		v |= uint64(p[bit/8]>>(bit%8)&1) << i
	}
	return v
}

// decodeHybrid reads n values and returns how many runs of equal values it met.
func decodeHybrid(t *testing.T, p []byte, n, width int) (vals []uint32, runs int) {
	t.Helper()
	for len(vals) < n {
		head, size := binary.Uvarint(p)
		p = p[size:]
		if head&1 == 0 {
			v := uint32(bitsAt(p, 0, width))
			for range head >> 1 {
				vals = append(vals, v)
			}
			p = p[(width+7)/8:]
			runs++
			continue
		}
		count := int(head>>1) * 8
		for i := range count {
			vals = append(vals, uint32(bitsAt(p, i*width, width)))
		}
		p = p[count*width/8:]
	}
	if len(p) > 0 {
		t.Errorf("%d bytes follow the last run", len(p))
	}
	return vals[:n], runs
}

func TestHybrid(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for width := 1; width <= 16; width++ {
		for range 30 {
			var ids []uint32
			for len(ids) < 1+r.IntN(600) {
				v := r.Uint32N(1 << width)
				for range 1 + r.IntN(2)*r.IntN(120) {
					ids = append(ids, v)
				}
			}
			packed := appendHybrid([]byte("x"), ids, width)
			if got, _ := decodeHybrid(t, packed[1:], len(ids), width); !slices.Equal(got, ids) {
				t.Fatalf("width %d: %d ids read back differently", width, len(ids))
			}
		}
	}
	ids := slices.Concat(make([]uint32, 100), []uint32{1, 2, 3}, slices.Repeat([]uint32{5}, 200))
	packed := appendHybrid(nil, ids, 16)
	if _, runs := decodeHybrid(t, packed, len(ids), 16); runs != 2 || len(packed) > 30 {
		t.Errorf("%d runs in %d bytes, want the 2 long ones", runs, len(packed))
	}
}

func TestLevels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	for n := 1; n < 200; n++ {
		for _, share := range []int{0, 1, 50, 100} {
			present := make([]byte, n)
			want := make([]uint32, n)
			nulls := 0
			for i := range present {
				if r.IntN(100) >= share {
					present[i], want[i] = 1, 1
				} else {
					nulls++
				}
			}
			if got := countNulls(present); got != nulls {
				t.Fatalf("%d nulls counted, want %d", got, nulls)
			}
			value := 0
			for row, p := range present {
				if p == 0 {
					continue
				}
				if got := rowOfValue(present, value); got != row {
					t.Fatalf("value %d is in row %d, want %d", value, got, row)
				}
				value++
			}
			out := appendLevels(nil, present, nulls)
			if size := int(binary.LittleEndian.Uint32(out)); size != len(out)-4 {
				t.Fatalf("length is %d, want %d", size, len(out)-4)
			}
			if got, _ := decodeHybrid(t, out[4:], n, 1); !slices.Equal(got, want) {
				t.Fatalf("levels are %v, want %v", got, want)
			}
		}
	}
}

func decodeDelta(t *testing.T, p []byte) []uint64 {
	t.Helper()
	uvarint := func() uint64 {
		v, n := binary.Uvarint(p)
		p = p[n:]
		return v
	}
	varint := func() uint64 {
		v, n := binary.Varint(p)
		p = p[n:]
		return uint64(v)
	}
	block, minis, total := int(uvarint()), int(uvarint()), int(uvarint())
	first := varint()
	if total == 0 {
		return nil
	}
	vals := []uint64{first}
	for len(vals) < total {
		least := varint()
		widths := p[:minis]
		p = p[minis:]
		for _, w := range widths {
			size := block / minis
			for i := range size {
				if len(vals) < total {
					vals = append(vals, vals[len(vals)-1]+least+bitsAt(p, i*int(w), int(w)))
				}
			}
			p = p[size*int(w)/8:]
		}
	}
	if len(p) > 0 {
		t.Errorf("%d bytes follow the last block", len(p))
	}
	return vals
}

func TestDelta(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	extremes := []uint64{math.MaxInt64, 1 << 63, 0, math.MaxUint64}
	for n := range 400 {
		for shift := range 64 {
			vals := make([]uint64, n)
			for i := range vals {
				vals[i] = r.Uint64() >> shift
				if shift == 63 {
					vals[i] = extremes[r.IntN(4)]
				}
			}
			if got := decodeDelta(t, appendDelta(nil, vals)); !slices.Equal(got, vals) {
				t.Fatalf("%d values of %d bits read back differently", n, 64-shift)
			}
		}
	}
}

// Whatever a dictionary keeps in its table and what in slots, each pattern has one entry, in the order of first
// appearances, and the memory stays within that of slots.
func TestWordDictionary(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 9))
		d, ids, want := newWordDict(), map[uint64]uint32{}, []uint64(nil)
		limit := uint64(1) << (4 + random.IntN(20))
		for range 300 {
			vals := make([]uint64, 1+random.IntN(50))
			for i := range vals {
				if vals[i] = random.Uint64N(limit); random.IntN(9) == 0 {
					vals[i] = random.Uint64N(100)
				}
			}
			got := make([]uint32, len(vals))
			if n := d.put(vals, got); n != len(vals) {
				t.Fatalf("seed %d: %d of %d", seed, n, len(vals))
			}
			for i, v := range vals {
				id, ok := ids[v]
				if !ok {
					id = uint32(len(want))
					ids[v], want = id, append(want, v)
				}
				if got[i] != id {
					t.Fatalf("seed %d: %d has the id %d, want %d", seed, v, got[i], id)
				}
			}
			if _, held := d.size(); held > 16*dictFirstSize+(8+16*8+4*smallShare)*(len(want)+dictFirstSize) {
				t.Fatalf("seed %d: %d bytes are held for %d entries", seed, held, len(want))
			}
		}
		if !slices.Equal(d.vals, want) {
			t.Fatalf("seed %d: the entries are in another order", seed)
		}
	}
}
