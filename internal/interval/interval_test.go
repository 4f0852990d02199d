package interval

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/contract"
)

// Two numbers of 56 digits, as AWS gives them, in order.
var long = []contract.Sequence{
	"49590338271490256608559692538361571095921575989136588898",
	"49590338271490256608559692540925702759324208523137515618",
}

func TestSets(t *testing.T) {
	s := NewSet("100", "9", long[1], "9", long[0])
	if want := (Set{"9", "100", long[0], long[1]}); !slices.Equal(s, want) {
		t.Errorf("got %s", s)
	}
	if !s.Has("100") || s.Has("10") || s.Has("") || (Set{}).Has("9") {
		t.Error("Has")
	}
	back, err := DecodeSet(s.Encode())
	if err != nil || !slices.Equal(back, s) {
		t.Errorf("got %s, %v", back, err)
	}
	// 10 = 9 - -1, 91 = 100 - 9
	if got := (Set{"9", "100"}).Encode(); !bytes.Equal(got, []byte{1, 10, 1, 91}) {
		t.Errorf("got %v", got)
	}
	if s.ID("a") == s.ID("b") || s.ID("a") == s[:3].ID("a") || s.ID("a", "b") == s.ID("ab") ||
		len(s.ID("a")) != 32 {
		t.Error("ID")
	}
	huge := append([]byte{54}, bytes.Repeat([]byte{255}, 54)...)
	for what, data := range map[string][]byte{
		"cut off": {2, 1}, "no length": {0}, "a zero": {2, 0, 1}, "the same again": {1, 5, 1, 0}, "too large": huge,
	} {
		if s, err := DecodeSet(data); err == nil {
			t.Errorf("%s: %s", what, s)
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add(Set{}.Encode())
	f.Add(NewSet("0", "18446744073709551616", long[0], long[1]).Encode())
	f.Add([]byte{1, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeSet(data)
		if err != nil {
			return
		}
		if !slices.IsSortedFunc(s, contract.Sequence.Compare) || len(NewSet(s...)) != len(s) {
			t.Errorf("%s is not ascending", s)
		}
		if got := s.Encode(); !bytes.Equal(got, data) {
			t.Errorf("%s has another encoding: %v, not %v", s, got, data)
		}
	})
}

func TestMessages(t *testing.T) {
	const now = 1_700_000_000_000
	envelope, err := Envelope("order-7", []byte("{}\n"))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", maxID)
	for _, c := range []struct {
		data string
		want Message
	}{
		{"{}", Message{Record: []byte("{}")}},
		{"", Message{Record: []byte{}}},
		{string(envelope), Message{ID: "order-7", Record: []byte("{}\n")}},
		{"\x00dip id a\n", Message{ID: "a", Record: []byte{}}},
		{"\x00dip id " + long + "\n1", Message{ID: long, Record: []byte("1")}},
		{string(Marker(now)), Message{Marker: now}},
		// Everything else is a record, which no schema accepts.
		{"\x00dip id a", Message{Record: []byte("\x00dip id a")}},
		{"\x00dip id \n{}", Message{Record: []byte("\x00dip id \n{}")}},
		{"\x00dip id x" + long + "\n", Message{Record: []byte("\x00dip id x" + long + "\n")}},
		{string(Marker(now + 1)), Message{Record: Marker(now + 1)}}, // it would end what has not come
		{"\x00dip marker 1\nx", Message{Record: []byte("\x00dip marker 1\nx")}},
		{"\x00dip marker 01\n", Message{Record: []byte("\x00dip marker 01\n")}},
		{"\x00dip marker -1\n", Message{Record: []byte("\x00dip marker -1\n")}},
		{"\x00dip marker 1", Message{Record: []byte("\x00dip marker 1")}},
	} {
		got := Parse([]byte(c.data), now)
		if got.Marker != c.want.Marker || got.ID != c.want.ID || !bytes.Equal(got.Record, c.want.Record) {
			t.Errorf("%q: %+v", c.data, got)
		}
	}
	for _, id := range []string{"", "a\nb", long + "x"} {
		if _, err := Envelope(id, nil); err == nil {
			t.Errorf("the id %q was accepted", id)
		}
	}
	plain, enveloped := Parse([]byte("{}\r\n"), now).Digest("1", now), Parse(envelope, now).Digest("2", now)
	if plain.Sum != enveloped.Sum || plain.ID != (ID{}) || enveloped.ID == (ID{}) {
		t.Errorf("%+v, %+v", plain, enveloped)
	}
	if m := Parse(Marker(now), now).Digest("3", now); m != (Record{Sequence: "3", At: now, Marker: now}) {
		t.Errorf("%+v", m)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "{}", "\x00dip id a\n{}", "\x00dip marker 12\n", "\x00dip marker 012\n"} {
		f.Add([]byte(s), int64(100))
	}
	f.Fuzz(func(t *testing.T, data []byte, arrival int64) {
		m := Parse(data, arrival)
		again := m.Record
		switch {
		case m.Marker != 0:
			again = Marker(m.Marker)
		case m.ID != "":
			var err error
			if again, err = Envelope(m.ID, m.Record); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(again, data) || m.Marker > max(0, arrival) {
			t.Errorf("%q at %d: %+v", data, arrival, m)
		}
	})
}

func TestIntervals(t *testing.T) {
	i := Of(125_999, time.Minute)
	if i != (Interval{120_000, 180_000}) || i.Next() != (Interval{180_000, 240_000}) {
		t.Errorf("%+v, then %+v", i, i.Next())
	}
	c := Cursor{}
	for k, step := range []struct {
		r       Record
		want    int64
		through int64
	}{
		{Record{Sequence: "1", At: 119}, 119, 0}, {Record{Sequence: "2", At: 125, Marker: 120}, 125, 120},
		{Record{Sequence: "3", At: 119}, 120, 120}, {Record{Sequence: "4", At: 126, Marker: 60}, 126, 120},
	} {
		if at := c.Pass(step.r); at != step.want || c != (Cursor{step.r.Sequence, step.through}) {
			t.Errorf("step %d: %d, %+v", k, at, c)
		}
	}
}
