// Command trips processes chunks of the segment trips: as its Lambda function, or as its worker on the cluster.
package main

import "dip/internal/segment"

func main() { segment.Main() }
