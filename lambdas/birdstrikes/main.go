// Command birdstrikes is the Lambda function of the segment birdstrikes.
package main

import "dip/internal/runtime"

func main() { runtime.Segment() }
