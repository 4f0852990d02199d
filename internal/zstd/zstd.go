// Package zstd compresses blocks of bytes, such as the pages of a Parquet file, in the format of RFC 8878.
//
// Programs that are built with cgo and the tag libzstd use the reference implementation, all others one in Go. The
// bytes depend on the implementation, the level and the content alone.
package zstd

import "fmt"

// checkLevel refuses levels that the two implementations do not both have.
func checkLevel(level int) error {
	if level < 1 || level > 19 {
		return fmt.Errorf("zstd level %d: want 1 to 19", level)
	}
	return nil
}
