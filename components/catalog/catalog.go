// Package catalog publishes what the data plane knows of the segments, under a name made of its content.
package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/bucket"
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
	var errs []error
	if a.Lake == nil {
		errs = append(errs, errors.New("catalog: Lake: missing"))
	}
	if len(a.Segments) == 0 {
		errs = append(errs, errors.New("catalog: Segments: none"))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Segments)) {
		if a.Segments[name].Queue == nil {
			errs = append(errs, fmt.Errorf("catalog: Segments[%s].Queue: missing", name))
		}
	}
	return errors.Join(errs...)
}

// Catalog is the published object.
type Catalog struct {
	pulumi.ResourceState

	Key pulumi.StringOutput // in the lake bucket
}

// New declares a catalog.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Catalog, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	c := &Catalog{}
	if err := ctx.RegisterComponentResource(TypeToken, name, c, opts...); err != nil {
		return nil, fmt.Errorf("catalog %s: %w", name, err)
	}
	if err := c.publish(ctx, name, args); err != nil {
		return nil, fmt.Errorf("catalog %s: %w", name, err)
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"key": c.Key})
}

// publish keeps the old object when the content, and with it the key, changes: loads under way are pinned to it.
func (c *Catalog) publish(ctx *pulumi.Context, name string, args *Args) error {
	names := slices.Sorted(maps.Keys(args.Segments))
	urls := []any{url(args.Restage)}
	for _, n := range names {
		e := args.Segments[n]
		urls = append(urls, e.Queue.URL, e.Queue.DeadLettersURL, url(e.Workers))
	}
	encoded := pulumi.All(urls...).ApplyT(func(urls []any) ([]string, error) {
		all := contract.Catalog{Version: contract.Version, Segments: map[string]contract.Segment{}, Restage: urls[0].(string)}
		for i, n := range names {
			segment, of := args.Segments[n].Segment, urls[1+3*i:]
			segment.Queue, segment.DeadLetters, segment.Workers = of[0].(string), of[1].(string), of[2].(string)
			all.Segments[n] = segment
		}
		key, data, err := all.Encode()
		return []string{key, string(data)}, err
	}).(pulumi.StringArrayOutput)
	object, err := s3.NewBucketObjectv2(ctx, name+"-object", &s3.BucketObjectv2Args{
		Bucket:      args.Lake.Name,
		Key:         encoded.Index(pulumi.Int(0)),
		Content:     encoded.Index(pulumi.Int(1)),
		ContentType: pulumi.String("application/json"),
	}, pulumi.Parent(c), pulumi.RetainOnDelete(true))
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
