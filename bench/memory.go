package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
)

// memory is the usage of a whole input as one chunk, read and written over S3 as in a function.
type memory struct {
	Input    string `json:"input"`
	Bytes    int64  `json:"bytes"`
	LimitMiB int    `json:"goMemLimitMiB"`
	MemoryMB int    `json:"functionMemoryMB"`
	Usage    usage  `json:"usage"` // of the median run, with the peak of the largest
	Share    spread `json:"share"` // speed by CPU time of that of a run on the file in the same round
}

// memoryShareTenths is the share of a function's memory that its GOMEMLIMIT is set to, as in components/function.
const memoryShareTenths = 7

// memory processes the input with a function's memory limit through the S3 client, from a server in this process.
func (c *contest) memory(ctx context.Context) (memory, error) {
	m := memory{Input: c.input.name, Bytes: c.bytes, MemoryMB: c.memoryMB, LimitMiB: c.memoryMB * memoryShareTenths / 10}
	c.screen.Notef("%s: memory over S3 with GOMEMLIMIT=%dMiB ...", c.input.name, m.LimitMiB)
	server := httptest.NewServer(serve(c.path))
	defer server.Close()
	settings := c.settings(fmt.Sprintf("GOMEMLIMIT=%dMiB", m.LimitMiB))
	if c.profiles != "" {
		file := filepath.Join(c.profiles, c.input.name+"-s3.pprof")
		if _, _, err := c.machine.run(ctx, c.ours("--endpoint", server.URL, "--profile", file), settings, nil); err != nil {
			return m, err
		}
	}
	var runs []usage
	var shares []float64
	for range c.rounds {
		bare, err := c.runOurs(ctx)
		if err != nil {
			return m, err
		}
		_, u, err := c.machine.run(ctx, c.ours("--endpoint", server.URL), settings, nil)
		if err != nil {
			return m, err
		}
		runs, shares = append(runs, u), append(shares, bare.CPU.Seconds()/u.CPU.Seconds())
	}
	slices.SortFunc(runs, func(a, b usage) int { return cmp.Compare(a.CPU, b.CPU) })
	m.Usage, m.Share = runs[len(runs)/2], spreadOf(shares)
	for _, u := range runs {
		m.Usage.Peak = max(m.Usage.Peak, u.Peak)
	}
	return m, nil
}

// serve is as much of S3 as one input needs: each object is the file at path, and what is written is dropped.
func serve(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.HasPrefix(r.URL.Path, "/"+bucket+"/"):
			http.ServeFile(w, r, path)
		case r.Method == http.MethodPut:
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		default:
			http.NotFound(w, r)
		}
	})
}
