package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// process is a server.
type process struct {
	address string
	ask     io.WriteCloser
	answers *bufio.Reader
	end     func() error
}

func start(name string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-serve", name, "-profile", profiles)
	cmd.Env, cmd.Stderr = append(os.Environ(), "GOMAXPROCS=1", "GOGC=400"), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{ask: in, answers: bufio.NewReader(out), end: func() error {
		return errors.Join(in.Close(), cmd.Wait())
	}}
	p.address, err = p.line()
	return p, err
}

func (p *process) line() (string, error) {
	text, err := p.answers.ReadString('\n')
	return strings.TrimSpace(text), err
}

// used is the server's processor time so far, and the most memory that it ever had, bytes.
func (p *process) used() (cpu time.Duration, memory int64, err error) {
	if _, err := p.ask.Write([]byte{'\n'}); err != nil {
		return 0, 0, err
	}
	text, err := p.line()
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(text, (*int64)(&cpu), &memory)
	return cpu, memory, err
}

// client is a connection.
type client struct {
	net.Conn
	answers *bufio.Reader
}

func dial(address string) (*client, error) {
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{c, bufio.NewReader(c)}, nil
}

// ask sends a request, and gives the status of its answer.
func (c *client) ask(request []byte) (int, error) {
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// send sends a request that is to succeed.
func (c *client) send(request []byte) error {
	status, err := c.ask(request)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("answered %d", status)
	}
	return err
}

// clients runs one function for each of n connections, and joins their errors.
func clients(address string, n int, run func(c *client) error) error {
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range errs {
		c, err := dial(address)
		if err != nil {
			return err
		}
		all.Go(func() {
			defer c.Close()
			errs[i] = run(c)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// saturate gives how many requests a second of a server's processor time answers.
func saturate(name string, s shape, load time.Duration) (float64, error) {
	p, err := start(name)
	if err != nil {
		return 0, err
	}
	request := payload(s)
	var requests atomic.Int64
	run := func(d time.Duration) error {
		end := time.Now().Add(d)
		return clients(p.address, s.connections, func(c *client) error {
			for time.Now().Before(end) {
				if err := c.send(request); err != nil {
					return err
				}
				requests.Add(1)
			}
			return nil
		})
	}
	if err := run(load / 4); err != nil {
		return 0, errors.Join(err, p.end())
	}
	before, _, err := p.used()
	requests.Store(0)
	err = errors.Join(err, run(load))
	after, _, failed := p.used()
	return float64(requests.Load()) / (after - before).Seconds(), errors.Join(err, failed, p.end())
}

// patience is how long a connection may be busy with a request before those that come at a rate run out of connections;
// flight is how much of bodies is sent at once at most, for which a gateway has the memory.
const (
	patience = 100 * time.Millisecond
	flight   = 32 << 20
)

// pace sends at a rate, and gives the time from when each request was due to its answer, and the rate that was reached:
// a client that is late counts its delay.
func pace(name string, s shape, load time.Duration, rate float64) ([]time.Duration, float64, error) {
	p, err := start(name)
	if err != nil {
		return nil, 0, err
	}
	request := payload(s)
	var mu sync.Mutex
	var times []time.Duration
	began := time.Now()
	var next atomic.Int64
	connections := max(s.connections, min(int(rate*patience.Seconds()), flight/len(request)))
	err = clients(p.address, connections, func(c *client) error {
		for {
			due := began.Add(time.Duration(float64(next.Add(1)) / rate * 1e9))
			if due.Sub(began) > load {
				return nil
			}
			time.Sleep(time.Until(due))
			if err := c.send(request); err != nil {
				return err
			}
			mu.Lock()
			times = append(times, time.Since(due))
			mu.Unlock()
		}
	})
	return times, float64(len(times)) / time.Since(began).Seconds(), errors.Join(err, p.end())
}

// stalled prints what a gateway answers, and the memory that it takes, while Kinesis answers nothing. Each request has
// a connection of its own: the gateway closes those whose bodies it does not read.
func stalled() error {
	p, err := start("stalled")
	if err != nil {
		return err
	}
	var mu sync.Mutex
	answers := map[int]int{}
	request, end := payload(shape{records: 500, size: 1000}), time.Now().Add(30*time.Second)
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			for time.Now().Before(end) {
				status := 0
				if c, err := dial(p.address); err == nil {
					status, _ = c.ask(request) // 0: no answer
					c.Close()
				}
				mu.Lock()
				answers[status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	_, memory, err := p.used()
	fmt.Printf("buffers of %d MiB, 1000 clients, 500 KB a request, 30 s: answers %v (0: none), at most %d MiB resident\n",
		buffers>>20, answers, memory>>20)
	return errors.Join(err, p.end())
}
