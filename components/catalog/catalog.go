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
	"dip/contract"
)

// TypeToken is the component's type.
const TypeToken = "dip:catalog:Catalog"

// Entry is a segment and its queues.
type Entry struct {
	Segment contract.Segment // but for the queues' addresses
	Queue   *queue.Queue     // required
	Workers *queue.Queue     // of its workers; nil without
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
		found.If(a.Segments[name].Queue == nil, fmt.Sprintf("Segments[%s].Queue", name), "missing")
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
	urls := []any{url(args.Restage)}
	for _, n := range names {
		e := args.Segments[n]
		urls = append(urls, e.Queue.URL, e.Queue.DeadLettersURL, url(e.Workers))
	}
	encoded := pulumi.All(urls...).ApplyT(func(urls []any) ([]string, error) {
		all := contract.Catalog{
			Version: contract.Version, Segments: map[string]contract.Segment{}, Restage: urls[0].(string),
		}
		for i, n := range names {
			segment, of := args.Segments[n].Segment, urls[1+3*i:]
			segment.Queue, segment.DeadLetters, segment.Workers = of[0].(string), of[1].(string), of[2].(string)
			all.Segments[n] = segment
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

// url is "" for a queue that there is not.
func url(q *queue.Queue) pulumi.StringInput {
	if q == nil {
		return pulumi.String("")
	}
	return q.URL
}
