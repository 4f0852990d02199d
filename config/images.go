package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The names of the images that the cluster runs and that this project does not build.
const (
	AutoscalerImage  = "autoscaler"
	EscalatorImage   = "escalator"
	TerminationImage = "terminationHandler"
	KEDAImage        = "keda"
	KEDAMetricsImage = "kedaMetrics"
	KEDAWebhookImage = "kedaWebhooks"
)

// KEDAVersion is the version of KEDA and of its chart.
const KEDAVersion = "2.21.0"

// Image is an image that this project does not build.
type Image struct {
	Repository string // registry and path
	Tag        string
	Digest     string // of the index of all architectures, "sha256:..."; "" where no source states it
}

// images are the defaults. docs/cluster.md has the same table, with architectures and how each was checked; the Cluster
// Autoscaler's tag follows cluster.version.
var images = map[string]Image{
	AutoscalerImage:  {Repository: "registry.k8s.io/autoscaling/cluster-autoscaler"},
	EscalatorImage:   {Repository: "ghcr.io/atlassian/escalator", Tag: "v1.15.0"},
	TerminationImage: {Repository: "public.ecr.aws/aws-ec2/aws-node-termination-handler", Tag: "v1.25.1"},
	KEDAImage:        {Repository: "ghcr.io/kedacore/keda", Tag: KEDAVersion},
	KEDAMetricsImage: {Repository: "ghcr.io/kedacore/keda-metrics-apiserver", Tag: KEDAVersion},
	KEDAWebhookImage: {Repository: "ghcr.io/kedacore/keda-admission-webhooks", Tag: KEDAVersion},
}

// autoscalerDigests are the digests of the Cluster Autoscaler's image by its tag.
var autoscalerDigests = map[string]string{
	"v1.35.2": "sha256:aac369dc283927a623deb1af54696efcc722ae79255aa07788422e495bab887d",
	"v1.36.1": "sha256:461388d03eb5b55db58941ee7a81d9a619dd15302b01cbab9f5a9946715994b4",
}

// ImageNames lists the images in order.
func ImageNames() []string { return slices.Sorted(maps.Keys(images)) }

// Image is the image that the cluster runs under a name: the stack's own or the default.
func (c Cluster) Image(name string) Image {
	if own := c.Images[name]; own != "" {
		return parseImage(own)
	}
	i := images[name]
	if name == AutoscalerImage {
		i.Tag, i.Digest = c.Autoscaler, autoscalerDigests[c.Autoscaler]
	}
	return i
}

// Pinned says whether the image has an exact tag or a digest, so that the same stack runs the same code tomorrow.
func (i Image) Pinned() bool {
	return i.Repository != "" && (i.Digest != "" || i.Tag != "" && i.Tag != "latest")
}

// Registry is the image's registry, and Path what stands behind it.
func (i Image) Registry() string {
	registry, _, _ := strings.Cut(i.Repository, "/")
	return registry
}

// Path is described at Registry.
func (i Image) Path() string {
	_, path, _ := strings.Cut(i.Repository, "/")
	return path
}

// Reference is the image as a pod names it.
func (i Image) Reference() string { return i.Repository + i.suffix() }

func (i Image) suffix() (text string) {
	if i.Tag != "" {
		text = ":" + i.Tag
	}
	if i.Digest != "" {
		text += "@" + i.Digest
	}
	return text
}

// imageReference is a registry, a path, a tag that may be missing, and a digest.
var imageReference = regexp.MustCompile(
	`^([a-z0-9.-]+(?::[0-9]+)?/[a-z0-9._/-]+)(?::([A-Za-z0-9_.-]+))?@(sha256:[0-9a-f]{64})$`)

func parseImage(reference string) Image {
	m := imageReference.FindStringSubmatch(reference)
	if m == nil {
		return Image{}
	}
	return Image{Repository: m[1], Tag: m[2], Digest: m[3]}
}

// Undigested are the names of the images that are named by their tags alone.
func (c Cluster) Undigested() (names []string) {
	for _, name := range ImageNames() {
		if c.Image(name).Digest == "" {
			names = append(names, name)
		}
	}
	return names
}

func (c Cluster) validateImages(found *problems) {
	for _, name := range slices.Sorted(maps.Keys(c.Images)) {
		path := below("cluster.images", name)
		if _, ok := images[name]; !ok {
			found.add(path, "unknown image; known are %s", strings.Join(ImageNames(), ", "))
		} else if !imageReference.MatchString(c.Images[name]) {
			found.add(path, "%q: want registry/path@sha256:<64 hex digits>, with or without a tag: a tag may move",
				c.Images[name])
		}
	}
	if !c.DigestsOnly {
		return
	}
	for _, name := range c.Undigested() {
		if c.Images[name] == "" { // what is invalid is reported above
			i := c.Image(name)
			found.add(below("cluster.images", name), "missing: no digest of %s is known, and cluster.digestsOnly is true: want "+
				"%s@sha256:..., with the digest that `docker buildx imagetools inspect %s` prints; `make digests` prints them all",
				i.Reference(), i.Repository, i.Reference())
		}
	}
}
