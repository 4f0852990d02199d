package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// memory is the usage of a whole input as one chunk, read and written over S3 as in a function.
type memory struct {
	Input    string `json:"input"`
	Bytes    int64  `json:"bytes"`
	LimitMiB int    `json:"goMemLimitMiB"`
	MemoryMB int    `json:"functionMemoryMB"`
	Usage    usage  `json:"usage"`
}

// memoryShareTenths is the share of a function's memory that its GOMEMLIMIT is set to, as in components/function.
const memoryShareTenths = 7

// memory processes the input with a function's memory limit through the S3 client, from a server in this process.
func (c *contest) memory(ctx context.Context) (memory, error) {
	m := memory{Input: c.input.name, Bytes: c.bytes, MemoryMB: c.memoryMB, LimitMiB: c.memoryMB * memoryShareTenths / 10}
	c.screen.Notef("%s: memory over S3 with GOMEMLIMIT=%dMiB ...", c.input.name, m.LimitMiB)
	server := httptest.NewServer(serve(c.path))
	defer server.Close()
	var err error
	_, m.Usage, err = c.machine.run(ctx, c.ours("--endpoint", server.URL),
		c.settings(fmt.Sprintf("GOMEMLIMIT=%dMiB", m.LimitMiB)), nil)
	return m, err
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
