// Package images says which containers of the lab run for real: those whose program is built here. All others are
// scheduled and reported as running, and do nothing.
package images

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Table lists the images that have a program.
type Table []Image

// Image is an image whose containers run for real.
type Image struct {
	// Prefix is how its references begin. With the colon it is one image; without, all images of a registry.
	Prefix string
	// Program is the image's entry point, as tools/install calls it; empty: the base name of the container's command.
	Program string
}

// New is the table of a stack in an AWS account and region: this project's own images, which are in the account's
// registry, and those of the programs that tools/install builds.
func New(account, region string) Table {
	return Table{
		{Prefix: fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/", account, region)},
		{Prefix: "public.ecr.aws/aws-ec2/aws-node-termination-handler:", Program: "node-termination-handler"},
		{Prefix: "ghcr.io/atlassian/escalator:", Program: "escalator"},
		{Prefix: "ghcr.io/kedacore/keda:", Program: "keda"},
		{Prefix: "ghcr.io/kedacore/keda-metrics-apiserver:", Program: "keda-adapter"},
	}
}

// Program is what a container runs.
type Program struct {
	Name string
	// Own says that it is one of this project's own; otherwise it is one that tools/install builds.
	Own bool
}

// Program finds what a container runs; false: nothing.
func (t Table) Program(image string, command []string) (Program, bool) {
	i := slices.IndexFunc(t, func(i Image) bool { return strings.HasPrefix(image, i.Prefix) })
	switch {
	case i < 0:
		return Program{}, false
	case t[i].Program != "":
		return Program{Name: t[i].Program}, true
	case len(command) == 0:
		return Program{}, false
	default:
		return Program{Name: path.Base(command[0]), Own: true}, true
	}
}

// Query is a jq expression that is true for the pods, and only those, whose first container has one of the images.
func (t Table) Query() string {
	var prefixes []string
	for _, i := range t {
		text, err := json.Marshal(i.Prefix)
		if err != nil {
			panic(err) // a string always has a JSON form
		}
		prefixes = append(prefixes, string(text))
	}
	return fmt.Sprintf(".spec.containers[0].image | [startswith(%s)] | any", strings.Join(prefixes, ", "))
}
