// Command trips is the Lambda function of the segment trips.
package main

import "dip/internal/runtime"

func main() { runtime.Segment() }
