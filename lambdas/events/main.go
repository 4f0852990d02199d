// Command events is the Lambda function of the segment events.
package main

import "dip/internal/runtime"

func main() { runtime.Segment() }
