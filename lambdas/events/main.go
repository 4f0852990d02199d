// Command events processes chunks of the segment events: as its Lambda function, or as its worker on the cluster.
package main

import "dip/internal/segment"

func main() { segment.Main() }
