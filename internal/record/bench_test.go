package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"dip/contract"
	"dip/tableschema"
)

const tripSchema = `{"fields":[
 {"name":"VendorID","type":"integer"},
 {"name":"tpep_pickup_datetime","type":"datetime"},
 {"name":"tpep_dropoff_datetime","type":"datetime"},
 {"name":"passenger_count","type":"integer"},
 {"name":"trip_distance","type":"number"},
 {"name":"RatecodeID","type":"integer"},
 {"name":"store_and_fwd_flag","type":"string"},
 {"name":"PULocationID","type":"integer"},
 {"name":"DOLocationID","type":"integer"},
 {"name":"payment_type","type":"integer"},
 {"name":"fare_amount","type":"number"},
 {"name":"extra","type":"number"},
 {"name":"mta_tax","type":"number"},
 {"name":"tip_amount","type":"number"},
 {"name":"tolls_amount","type":"number"},
 {"name":"improvement_surcharge","type":"number"},
 {"name":"total_amount","type":"number"},
 {"name":"congestion_surcharge","type":"number"},
 {"name":"Airport_fee","type":"number"}]}`

const orderSchema = `{"fields":[
 {"name":"order_id","type":"integer"},
 {"name":"customer","type":"string"},
 {"name":"email","type":"string"},
 {"name":"created_at","type":"datetime"},
 {"name":"country","type":"string"},
 {"name":"amount","type":"number","decimal":{"precision":12,"scale":2}},
 {"name":"currency","type":"string"},
 {"name":"quantity","type":"integer"},
 {"name":"notes","type":"string"},
 {"name":"tags","type":"string"}]}`

const eventSchema = `{"fields":[
 {"name":"id","type":"string"},
 {"name":"type","type":"string"},
 {"name":"actor_id","type":"integer","path":"actor.id"},
 {"name":"actor_login","type":"string","path":"actor.login"},
 {"name":"repo_id","type":"integer","path":"repo.id"},
 {"name":"repo_name","type":"string","path":"repo.name"},
 {"name":"payload","type":"object"},
 {"name":"public","type":"boolean"},
 {"name":"created_at","type":"datetime","timezone":"UTC"}]}`

var (
	csvDialect  = contract.Dialect{Encoding: contract.CSV, Delimiter: ",", Quote: `"`}
	jsonDialect = contract.Dialect{Encoding: contract.NDJSON}
)

func mustParse(t testing.TB, text string) *tableschema.Schema {
	t.Helper()
	s, err := tableschema.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustParser(t testing.TB, text string, d contract.Dialect, o Options) *Parser {
	t.Helper()
	p, err := NewParser(mustParse(t, text), d, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func trips(size int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	for b.Len() < size {
		at = at.Add(time.Duration(r.IntN(3)) * time.Second)
		count := ""
		if r.IntN(20) > 0 {
			count = fmt.Sprint(1 + r.IntN(4))
		}
		fare := 3 + float64(r.IntN(6000))/100
		fmt.Fprintf(&b, "%d,%s,%s,%s,%.2f,1,%s,%d,%d,%d,%.1f,%.1f,0.5,%.2f,0.0,1.0,%.2f,2.5,0.0\n", 1+r.IntN(2),
			at.Format(time.DateTime), at.Add(time.Duration(r.IntN(1e12))).Format(time.DateTime), count,
			float64(r.IntN(3000))/100,
			[]string{"N", "Y"}[r.IntN(200)/199], 1+r.IntN(263), 1+r.IntN(263), 1+r.IntN(2), fare, float64(r.IntN(5))/2,
			float64(r.IntN(2000))/100, fare+5)
	}
	return b.Bytes()
}

func orders(size int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		note := []string{"", `"leave at the door, please"`, `"she said ""ring twice"""`, "\"first line\nsecond line\"",
			"none", `"Grüße aus Köln, bis bald"`}[r.IntN(6)]
		fmt.Fprintf(&b, "%d,\"%s, %s\",user%d@example.com,2024-0%d-1%d 0%d:30:00,DE,%d.%02d,EUR,%d,%s,\"a,b,c%d\"\n", i,
			[]string{"Miller", "O'Neil", "García"}[r.IntN(3)], []string{"Ann", "Bob"}[r.IntN(2)], r.IntN(1e6), 1+r.IntN(9),
			r.IntN(10),
			r.IntN(10), r.IntN(1000), r.IntN(100), 1+r.IntN(9), note, r.IntN(100))
	}
	return b.Bytes()
}

func events(size int) []byte {
	r := rand.New(rand.NewPCG(5, 6))
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `{"id":"%d","type":"PushEvent","actor":{"id":%d,"login":"user%d","gravatar_id":"",`+
			`"url":"https://api.example.com/users/user%d"},`+
			`"repo":{"id":%d,"name":"org%d/repo","url":"https://api.example.com/repos/org"},`+
			`"payload":{"push_id":%d,"size":1,"ref":"refs/heads/main",`+
			`"commits":[{"sha":"%040x","author":{"email":"a%d@example.com","name":"A \"B\" C"},`+
			`"message":"Fix the thing\n\nand the other","distinct":true}]},`+
			`"public":true,"created_at":"2024-01-%02dT%02d:00:0%dZ"}`+"\n", 30_000_000_000+i, r.IntN(1e8), r.IntN(1e6),
			r.IntN(1e6), r.IntN(1e9), r.IntN(1e5),
			r.IntN(1e9), r.Uint64(), r.IntN(1e6), 1+r.IntN(28), r.IntN(24), r.IntN(10))
	}
	return b.Bytes()
}

func benchmark(b *testing.B, schemaText string, d contract.Dialect, data []byte) {
	p := mustParser(b, schemaText, d, Options{})
	batch := NewBatch(p.Types())
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for i := 0; i < len(data); {
			batch.Reset()
			r := p.Parse(batch, data[i:], true)
			if r.Rejected > 0 {
				b.Fatal(r.Rejects[0])
			}
			i += r.Consumed
		}
	}
}

func BenchmarkTrips(b *testing.B)  { benchmark(b, tripSchema, csvDialect, trips(16<<20)) }
func BenchmarkOrders(b *testing.B) { benchmark(b, orderSchema, csvDialect, orders(16<<20)) }
func BenchmarkEvents(b *testing.B) { benchmark(b, eventSchema, jsonDialect, events(16<<20)) }
