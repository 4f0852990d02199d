// Command gateway measures the gateway on one core against a handler that reads bodies, authenticates and does nothing
// else: requests that a second of processor time answers, the time to an answer at 70 % of that rate, and memory while
// Kinesis stalls.
//
//	go run ./bench/gateway [-seconds 3] [-rounds 3] [-latency 10] [-records 500] [-profile DIR]
//	go run ./bench/gateway -stall
//
// Each server is a process of its own with GOMAXPROCS=1, and its processor time is what the system counted: other work
// on the machine changes it little. The load comes from this process. For the rate, each connection sends without a
// pause. For the times, requests are due by the clock (an open loop, as wrk2 has): one that is sent late counts from
// when it was due.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// shape is what a request has, and how many connections send such requests at once.
type shape struct {
	records     int
	size        int // bytes of a record, about
	connections int // enough to keep a core busy while batches wait for more records
}

var shapes = []shape{{1, 1000, 256}, {50, 1000, 64}, {500, 1000, 32}}

func main() {
	seconds := flag.Float64("seconds", 3, "load of one measurement")
	rounds := flag.Int("rounds", 3, "measurements of each server, in turns; the best one counts")
	latency := flag.Float64("latency", 10, "seconds of load at 70 % of the rate; 0: none")
	only := flag.Int("records", 0, "records of a request; 0: all of the shapes")
	stall := flag.Bool("stall", false, "only measure memory while Kinesis stalls")
	flag.StringVar(&profiles, "profile", "", "write the servers' processor profiles into this folder")
	serve := flag.String("serve", "", "run as this server, for the parent process")
	flag.Parse()
	run := func() error {
		return measure(*only, time.Duration(*seconds*1e9), *rounds, time.Duration(*latency*1e9))
	}
	switch {
	case *serve != "":
		run = func() error { return server(*serve) }
	case *stall:
		run = stalled
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// profiles is the folder for profiles; "": none.
var profiles string

// measure prints a line for each shape and server.
func measure(only int, load time.Duration, rounds int, latency time.Duration) error {
	fmt.Printf("%-8s %-8s %12s %12s %7s %9s %9s %9s\n", "records", "server", "requests/s", "records/s", "ratio",
		"p50", "p99", "load")
	for _, s := range shapes {
		if only != 0 && s.records != only {
			continue
		}
		rates := map[string]float64{}
		for range rounds {
			for _, name := range servers {
				rate, err := saturate(name, s, load)
				if err != nil {
					return err
				}
				rates[name] = max(rates[name], rate)
			}
		}
		for _, name := range servers {
			line := fmt.Sprintf("%-8d %-8s %12.0f %12.0f %7.2f", s.records, name, rates[name], rates[name]*float64(s.records),
				rates[name]/rates["plain"])
			if latency > 0 {
				times, reached, err := pace(paced[name], s, latency, 0.7*rates[name])
				if err != nil {
					return err
				}
				slices.Sort(times)
				line += fmt.Sprintf(" %9s %9s %8.0f%%", quantile(times, .5), quantile(times, .99),
					100*reached/rates[name])
			}
			fmt.Println(line)
		}
	}
	return nil
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}

// payload is a request as it goes over the wire.
func payload(s shape) []byte {
	line := fmt.Sprintf(`{"sensor":"s-17","at":"2026-11-27T12:00:00Z","value":21.5,"ok":true,"unit":"C","note":%q}`,
		strings.Repeat("some text ", (s.size-90)/10))
	body := strings.Repeat(line+"\n", s.records)
	return fmt.Appendf(nil, "POST /v1/segments/readings/records HTTP/1.1\r\nHost: gateway\r\n"+
		"Authorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%s", bearer,
		len(body), body)
}
