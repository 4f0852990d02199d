// Package catalog publishes what the data plane knows of the segments, under a name made of its content.
package catalog

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bucket"
	"dip/components/component"
	"dip/components/queue"
	"dip/components/stream"
	"dip/contract"
)

// TypeToken is the component's type.
const TypeToken = "dip:catalog:Catalog"

// Entry is a segment, and its queues or its stream.
type Entry struct {
	Segment contract.Segment // but for the queues' addresses, or the stream's name
	Queue   *queue.Queue     // required without a stream
	Workers *queue.Queue     // of its workers; nil without
	Stream  *stream.Stream   // required without a queue
}

// Args configure a catalog.
type Args struct {
	Lake     *bucket.Bucket   // required
	Segments map[string]Entry // at least one
	Restage  *queue.Queue     // of restages; nil: inputs that cannot be split are read as they are
}

// Validate reports every problem.
func (a *Args) Validate() error {
	var found component.Problems
	found.If(a.Lake == nil, "Lake", "missing")
	found.If(len(a.Segments) == 0, "Segments", "none")
	for _, name := range slices.Sorted(maps.Keys(a.Segments)) {
		e := a.Segments[name]
		if e.Segment.Stream == nil {
			found.If(e.Queue == nil, fmt.Sprintf("Segments[%s].Queue", name), "missing")
		} else {
			found.If(e.Stream == nil, fmt.Sprintf("Segments[%s].Stream", name), "missing")
		}
	}
	return found.Err()
}

// Catalog is the published object.
type Catalog struct {
	pulumi.ResourceState

	Key pulumi.StringOutput // in the lake bucket
}

// New declares a catalog.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Catalog, error) {
	c := &Catalog{}
	return component.Declare(ctx, TypeToken, name, c, args, opts, c.publish)
}

// Outputs are the catalog's key.
func (c *Catalog) Outputs() pulumi.Map { return pulumi.Map{"key": c.Key} }

// publish keeps the old object when the content, and with it the key, changes: loads under way are pinned to it.
func (c *Catalog) publish(ctx *pulumi.Context, args *Args) error {
	names := slices.Sorted(maps.Keys(args.Segments))
	addresses := []any{url(args.Restage)}
	for _, n := range names {
		addresses = append(addresses, args.Segments[n].addresses()...)
	}
	encoded := pulumi.All(addresses...).ApplyT(func(addresses []any) ([]string, error) {
		all := contract.Catalog{
			Version: contract.Version, Segments: map[string]contract.Segment{}, Restage: addresses[0].(string),
		}
		for i, n := range names {
			all.Segments[n] = args.Segments[n].at(addresses[1+entryAddresses*i:])
		}
		key, data, err := all.Encode()
		return []string{key, string(data)}, err
	}).(pulumi.StringArrayOutput)
	object, err := component.Child(ctx, c, "object", s3.NewBucketObjectv2, &s3.BucketObjectv2Args{
		Bucket:      args.Lake.Name,
		Key:         encoded.Index(pulumi.Int(0)),
		Content:     encoded.Index(pulumi.Int(1)),
		ContentType: pulumi.String("application/json"),
	}, pulumi.RetainOnDelete(true), component.After(args.Lake.Ready...))
	if err != nil {
		return err
	}
	c.Key = object.Key
	return nil
}

// entryAddresses is how many addresses an entry has.
const entryAddresses = 3

// addresses are the queues' URLs, or the stream's name.
func (e Entry) addresses() []any {
	if e.Stream != nil {
		return []any{e.Stream.Name, "", ""}
	}
	return []any{e.Queue.URL, e.Queue.DeadLettersURL, url(e.Workers)}
}

// at completes the entry's segment with its addresses.
func (e Entry) at(addresses []any) contract.Segment {
	segment := e.Segment
	if e.Stream != nil {
		arrives := *segment.Stream
		arrives.Name, segment.Stream = addresses[0].(string), &arrives
		return segment
	}
	segment.Queue, segment.DeadLetters = addresses[0].(string), addresses[1].(string)
	segment.Workers = addresses[2].(string)
	return segment
}

// url is "" for a queue that there is not.
func url(q *queue.Queue) pulumi.StringInput {
	if q == nil {
		return pulumi.String("")
	}
	return q.URL
}
