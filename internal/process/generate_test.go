package process

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"dip/contract"
	"dip/internal/record"
)

// made is a random input with the expected outcome, which is built along with it, not read by a parser.
type made struct {
	input    []byte
	dialect  contract.Dialect
	body     int64
	good     []string // rows as rows gives them
	bad      [][2]int64
	sum, not record.Sum // of good and bad records
}

const madeSchema = `{"fields":[
	{"name":"id","type":"integer","constraints":{"required":true}},
	{"name":"note","type":"string"},
	{"name":"kind","type":"string","constraints":{"enum":["a","b","c"]}}
]}`

var words = []string{"x", "yes", "ü", "日本", `"`, `""`, ",", ";", "\n", "\r\n", "\r", "1,b\n2,c\n", " ", "\"\n1,2,3\n\"",
	"'", "\\", "\t", "😀"}

func textOf(random *rand.Rand, most int) string {
	var b strings.Builder
	for range random.IntN(most + 1) {
		b.WriteString(words[random.IntN(len(words))])
	}
	return b.String()
}

// add appends a record and counts it.
func (m *made) add(raw, end, row string, good bool) {
	at := int64(len(m.input))
	m.input = append(m.input, raw...)
	m.input = append(m.input, end...)
	if good {
		m.good = append(m.good, row)
		m.sum.Add([]byte(raw))
	} else {
		m.bad = append(m.bad, [2]int64{at, int64(len(m.input))})
		m.not.Add([]byte(raw))
	}
}

// makeCSV makes up to n records; some are as long as long pieces of text.
func makeCSV(random *rand.Rand, n, long int) *made {
	m := &made{dialect: contract.Dialect{
		Encoding: contract.CSV, Delimiter: []string{",", ";", "\t"}[random.IntN(3)],
		Quote: []string{`"`, "'"}[random.IntN(2)], Header: random.IntN(2) == 0,
	}}
	delimiter, quote := m.dialect.Delimiter, m.dialect.Quote
	if random.IntN(4) == 0 {
		m.input = append(m.input, "\xef\xbb\xbf"...)
	}
	end := func() string { return []string{"\n", "\r\n"}[random.IntN(2)] }
	if m.dialect.Header {
		m.input = append(m.input, "id"+delimiter+quote+"note"+quote+delimiter+"kind"+end()...)
	}
	m.body = int64(len(m.input))
	quoted := func(s string) string { return quote + strings.ReplaceAll(s, quote, quote+quote) + quote }
	field := func(s string) string {
		if strings.ContainsAny(s, "\r\n"+delimiter) || strings.HasPrefix(strings.TrimLeft(s, " \t"), quote) ||
			random.IntN(3) == 0 {
			return quoted(s)
		}
		return s
	}
	for i := range n {
		most := 6
		if random.IntN(20) == 0 {
			most = long
		}
		id, note, kind := strconv.Itoa(random.IntN(1000)-500), textOf(random, most), []string{"a", "b", "c"}[random.IntN(3)]
		e := end()
		if i == n-1 && random.IntN(2) == 0 {
			e = ""
		}
		switch record := id + delimiter + field(note) + delimiter + field(kind); random.IntN(24) {
		case 0:
			m.input = append(m.input, end()...) // a blank line
		case 1:
			m.add("no number"+delimiter+field(note)+delimiter+kind, e, "", false)
		case 2:
			m.add(record+delimiter+"one field too many", e, "", false)
		case 3:
			m.add(id, e, "", false)
		case 4:
			m.add(id+delimiter+"\xff\xfe"+delimiter+kind, e, "", false)
		case 5:
			m.add(id+delimiter+quoted(note)+"!"+delimiter+kind, e, "", false)
		case 6:
			m.add(id+delimiter+field(note)+delimiter+"z", e, "", false)
		default:
			m.add(record, e, id+"|"+note+"|"+kind, true)
		}
	}
	if random.IntN(8) == 0 {
		if len(m.input) > 0 && m.input[len(m.input)-1] != '\n' {
			m.input = append(m.input, '\n')
			if len(m.bad) > 0 && m.bad[len(m.bad)-1][1] == int64(len(m.input)-1) {
				m.bad[len(m.bad)-1][1]++
			}
		}
		m.add("7"+delimiter+quote+"never closed\n"+strings.ReplaceAll(textOf(random, long), quote, "")+"end", "", "", false)
	}
	return m
}

func makeNDJSON(random *rand.Rand, n, long int) *made {
	m := &made{dialect: contract.Dialect{Encoding: contract.NDJSON}}
	if random.IntN(4) == 0 {
		m.input = append(m.input, "\xef\xbb\xbf"...)
	}
	m.body = int64(len(m.input))
	for i := range n {
		most := 6
		if random.IntN(20) == 0 {
			most = long
		}
		id, note, kind := strconv.Itoa(random.IntN(1000)-500), textOf(random, most), []string{"a", "b", "c"}[random.IntN(3)]
		e := []string{"\n", "\r\n"}[random.IntN(2)]
		if i == n-1 && random.IntN(2) == 0 {
			e = ""
		}
		literal, err := json.Marshal(note)
		if err != nil {
			panic(err)
		}
		switch random.IntN(16) {
		case 0:
			m.input = append(m.input, " \t"+"\n"...)
		case 1:
			m.add(fmt.Sprintf(`{"id":%s,"note":%s`, id, literal), e, "", false)
		case 2:
			m.add(fmt.Sprintf(`{"note":%s,"kind":%q}`, literal, kind), e, "", false)
		case 3:
			m.add(fmt.Sprintf(`{"id":%s,"note":"%s"}`, id, "\xff"), e, "", false)
		case 4:
			m.add(fmt.Sprintf(`{"id":%s,"note":%s,"kind":"z"}`, id, literal), e, "", false)
		case 5:
			m.add(fmt.Sprintf(`{"kind":%q,"id":%s}`, kind, id), e, id+"||"+kind, true)
		default:
			m.add(fmt.Sprintf(`{"id":%s, "other":[1,{"id":2}], "note":%s, "kind":%q}`, id, literal, kind), e,
				id+"|"+note+"|"+kind, true)
		}
	}
	return m
}

// cuts divides [body, size) at random, in places evenly, and into single bytes where it is short.
func cuts(random *rand.Rand, body, size int64) []int64 {
	at := []int64{body}
	step := 1 + random.Int64N(max(1, (size-body)/(1+random.Int64N(20))))
	for at[len(at)-1]+step < size && len(at) < 60 {
		at = append(at, at[len(at)-1]+step)
		if random.IntN(4) == 0 {
			step = 1 + random.Int64N(2*step)
		}
	}
	if body >= size {
		return nil
	}
	return append(at, size)
}
