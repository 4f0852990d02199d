package simulate

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"time"

	"dip/config"
)

// Sample is a chunk that was processed.
type Sample struct {
	Bytes   int64   // of its content
	Seconds float64 // that the work took
	VCPU    float64 // share of a vCPU that it had, at most 1
}

// Pace is how long chunks of a segment take: a fixed time, and a time for each byte on a whole vCPU that differs from
// chunk to chunk.
type Pace struct {
	Measured int       `json:"samples"`        // chunks that it was measured with; 0: it is assumed
	Fixed    float64   `json:"fixedSeconds"`   // of a chunk: claim, first read, last write, acknowledgement
	PerByte  float64   `json:"secondsPerByte"` // on one vCPU
	Spread   []float64 `json:"-"`              // factors of PerByte, ascending, with a mean of 1; nil: always 1
}

// fixedSeconds is the assumed part of a chunk's time that depends neither on its size nor on the CPU: about ten
// requests of 10 to 30 ms. It is at most half of the shortest sample.
const fixedSeconds = 0.2

// spreadShare is the part of the largest sample that a chunk has to have for its rate to count: what a small remainder
// takes says little about bytes.
const spreadShare = 0.1

// AssumedPace is the rate that the settings plan with.
func AssumedPace() Pace {
	return Pace{Fixed: fixedSeconds, PerByte: 1.0 / (config.MBPerSecond << 20)}
}

// Measure fits a pace to chunks. Without any that has bytes and took time, it is the assumed one.
func Measure(samples []Sample) Pace {
	used := slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool {
		return s.Bytes <= 0 || s.Seconds <= 0 || s.VCPU <= 0
	})
	if len(used) == 0 {
		return AssumedPace()
	}
	p := Pace{Measured: len(used), Fixed: fixedSeconds}
	largest := int64(0)
	for _, s := range used {
		p.Fixed, largest = min(p.Fixed, s.Seconds/2), max(largest, s.Bytes)
	}
	work, bytes := 0.0, 0.0
	for _, s := range used {
		work, bytes = work+p.work(s), bytes+float64(s.Bytes)
	}
	p.PerByte = work / bytes
	sum := 0.0
	for _, s := range used {
		if float64(s.Bytes) >= spreadShare*float64(largest) {
			factor := p.work(s) / float64(s.Bytes) / p.PerByte
			p.Spread, sum = append(p.Spread, factor), sum+factor
		}
	}
	slices.Sort(p.Spread)
	for i := range p.Spread {
		p.Spread[i] /= sum / float64(len(p.Spread))
	}
	return p
}

// work is what a sample would have taken on a whole vCPU, without the fixed part, seconds.
func (p Pace) work(s Sample) float64 { return (s.Seconds - p.Fixed) * min(1, s.VCPU) }

// Mean is how long a chunk takes on average with a share of a vCPU.
func (p Pace) Mean(bytes int64, vcpu float64) time.Duration { return p.of(bytes, vcpu, 1) }

// draw is how long a chunk takes. The same seed and chunk give the same factor, whatever runs before or beside it.
func (p Pace) draw(seed uint64, load, chunk int, bytes int64, vcpu float64) time.Duration {
	factor := 1.0
	if n := len(p.Spread); n > 0 {
		factor = p.Spread[hash(seed, uint64(load), uint64(chunk))%uint64(n)]
	}
	return p.of(bytes, vcpu, factor)
}

func (p Pace) of(bytes int64, vcpu, factor float64) time.Duration {
	return seconds(p.Fixed + p.PerByte*float64(bytes)*factor/min(1, vcpu))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// hash is a number that looks random and is the same for the same numbers.
func hash(numbers ...uint64) uint64 {
	h := fnv.New64a()
	var b [8]byte
	for _, n := range numbers {
		binary.LittleEndian.PutUint64(b[:], n)
		_, _ = h.Write(b[:]) // never fails
	}
	x := h.Sum64() // mixed as by the finalizer of SplitMix64: FNV's low bits alone follow its input too closely
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
