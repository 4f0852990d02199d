package config_test

import (
	"fmt"
	"testing/fstest"

	"dip/config"
)

var schemas = fstest.MapFS{"schemas/parts.json": {Data: []byte(`{"fields": [{"name": "made", "type": "date"}]}`)}}

// What an object leaves out has the default of its environment.
func ExampleParse() {
	object := `{"environment": "dev", "cluster": {"publicCidrs": ["203.0.113.7/32"]}, "segments": {
		"parts": {"delimiter": ";", "partition": {"field": "made", "by": "month"}}}}`
	stack, err := config.Parse([]byte(object), config.Options{Files: schemas})
	if err != nil {
		fmt.Println(err)
		return
	}
	parts := stack.Segments["parts"]
	fmt.Println("chunks of", stack.Loads.ChunkMB, "MiB")
	fmt.Println(parts.Schema, parts.Package, parts.MemoryMB, "MiB", parts.Timeout)
	// Output:
	// chunks of 64 MiB
	// schemas/parts.json lambdas/parts 1024 MiB 5m
}

// All problems are reported at once, each with the path of its setting.
func ExampleParse_problems() {
	object := `{"environment": "dev", "loads": {"chunkMb": 64}, "cluster": {"privateAccess": true},
		"segments": {"parts": {"timeout": "30 s", "concurrency": 1}}}`
	_, err := config.Parse([]byte(object), config.Options{Files: schemas})
	fmt.Println(err)
	// Output:
	// loads.chunkMb: unknown; did you mean chunkMB?
	// segments.parts.concurrency: 1: want 2 to 1000
	// segments.parts.timeout: "30 s" is not a duration such as "90s" or "15m"
}
