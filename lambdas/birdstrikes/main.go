// Command birdstrikes processes chunks of the segment birdstrikes: as its Lambda function, or as its worker on the
// cluster.
package main

import "dip/internal/segment"

func main() { segment.Main() }
