// Command readings processes the records of the segment readings, which arrive by stream.
package main

import "dip/internal/segment"

func main() { segment.Main() }
