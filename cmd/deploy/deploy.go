package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"dip/components/artifact"
	"dip/config"
	"dip/contract"
)

// deployment is a deployment of one of the project's stacks.
type deployment struct {
	root  string // folder of Pulumi.yaml
	stack string
	shell shell
	out   io.Writer
}

// engineParallel is how many resources the engine processes at once: most of the time it only waits.
const engineParallel = "64"

// deploy builds, pushes the image of a stack with a cluster, runs the update, and deletes versions that are superseded.
func (d deployment) deploy(ctx context.Context) error {
	settings, err := d.settings()
	if err != nil {
		return err
	}
	if settings.Cluster.Enabled {
		err = d.push(ctx)
	} else {
		err = d.build(ctx, settings)
	}
	if err != nil {
		return err
	}
	if err := d.shell.run(ctx, nil, "pulumi", "up", "--stack", d.stack, "--parallel", engineParallel); err != nil {
		return err
	}
	return d.shell.run(ctx, nil, "go", "run", "./cmd/dip", "--stack", d.stack, "prune")
}

// push builds the image and pushes it, unless it is there: a tag is the hash of its content, and the repository refuses
// a second push.
func (d deployment) push(ctx context.Context) error {
	settings, err := d.settings()
	if err != nil {
		return err
	}
	if !settings.Cluster.Enabled {
		return fmt.Errorf("stack %s has no cluster, and so no image", d.stack)
	}
	if err := d.build(ctx, settings); err != nil {
		return err
	}
	folder := filepath.Join(d.root, "build", string(settings.Architecture))
	image, err := artifact.OpenImage(folder, string(settings.Architecture), filepath.Join(d.root, "Dockerfile"),
		programs(settings)...)
	if err != nil {
		return err
	}
	repository, err := d.repository(ctx)
	if err != nil {
		return err
	}
	name := repository.url + ":" + image.Tag
	_, err = d.shell.read(ctx, "aws", "ecr", "describe-images", "--region", repository.region,
		"--repository-name", repository.name, "--image-ids", "imageTag="+image.Tag)
	if err == nil {
		fmt.Fprintf(d.out, "%s is pushed already\n", name)
		return nil
	}
	if !strings.Contains(err.Error(), "ImageNotFoundException") {
		return err
	}
	password, err := d.shell.read(ctx, "aws", "ecr", "get-login-password", "--region", repository.region)
	if err != nil {
		return err
	}
	err = d.shell.run(ctx, strings.NewReader(password), "docker", "login", "--username", "AWS", "--password-stdin",
		repository.host)
	if err != nil {
		return err
	}
	return d.shell.run(ctx, nil, "docker", "buildx", "build", "--file", filepath.Join(d.root, "Dockerfile"),
		"--platform", "linux/"+string(settings.Architecture), "--build-arg", "SOURCE_DATE_EPOCH=0", "--provenance=false",
		"--output", "type=image,name="+name+",push=true,rewrite-timestamp=true", filepath.Join(folder, "image"))
}

// build builds the program, the functions and the image's programs for the stack's architecture.
func (d deployment) build(ctx context.Context, s *config.Stack) error {
	return d.shell.run(ctx, nil, "go", "run", "./cmd/build", "--arch", string(s.Architecture))
}

// programs are the image's: those of the segments that have workers, the restage job's, and the gateway's.
func programs(s *config.Stack) []string {
	names := []string{"restage"}
	for _, name := range s.FileNames() {
		names = append(names, path.Base(s.Segments[name].Package))
	}
	if s.GatewayOnCluster() {
		names = append(names, contract.Gateway)
	}
	return names
}

// ecr is a repository of images.
type ecr struct{ url, host, region, name string }

var ecrURL = regexp.MustCompile(`^((?:[0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?)/([^:]+)`)

// repository is the stack's. The first time it is created alone, which takes seconds.
func (d deployment) repository(ctx context.Context) (ecr, error) {
	found, ok, err := d.known(ctx)
	if ok || err != nil {
		return found, err
	}
	err = d.shell.run(ctx, nil, "env", config.RegistryOnly+"=true", "pulumi", "up", "--stack", d.stack,
		"--yes", "--skip-preview", "--suppress-outputs", "--target", config.RegistryTarget)
	if err != nil {
		return ecr{}, err
	}
	if found, ok, err = d.known(ctx); err == nil && !ok {
		err = fmt.Errorf("stack %s has no repository after an update of it alone", d.stack)
	}
	return found, err
}

// known reads the repository from the stack's outputs; false: it does not exist yet.
func (d deployment) known(ctx context.Context) (ecr, bool, error) {
	text, err := d.shell.read(ctx, "pulumi", "stack", "output", "--json", "--show-secrets", "--stack", d.stack)
	if err != nil {
		return ecr{}, false, err
	}
	var outputs struct{ Cluster struct{ Image string } }
	if err := json.Unmarshal([]byte(text), &outputs); err != nil {
		return ecr{}, false, fmt.Errorf("read the outputs of stack %s: %w", d.stack, err)
	}
	m := ecrURL.FindStringSubmatch(outputs.Cluster.Image)
	if m == nil {
		return ecr{}, false, nil
	}
	return ecr{url: m[0], host: m[1], region: m[2], name: m[3]}, true, nil
}

// printDigests prints the digests of the images that the stack names by tag alone, as its stack file takes them.
func (d deployment) printDigests(ctx context.Context) error {
	object, err := d.object()
	if err != nil {
		return err
	}
	cluster, _ := object["cluster"].(map[string]any)
	version, _ := cluster["version"].(string)
	c := config.Cluster{Autoscaler: config.AutoscalerFor(version)}
	fmt.Fprintln(d.out, "cluster:\n  images:")
	for _, name := range c.Undigested() {
		reference := c.Image(name).Reference()
		digest, err := d.shell.read(ctx, "docker", "buildx", "imagetools", "inspect", reference, "--format",
			"{{.Manifest.Digest}}")
		if err != nil {
			return err
		}
		fmt.Fprintf(d.out, "    %s: %s@%s\n", name, reference, digest)
	}
	return nil
}

// settings are the stack's.
func (d deployment) settings() (*config.Stack, error) {
	object, err := d.object()
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("read the settings of stack %s: %w", d.stack, err)
	}
	s, err := config.Parse(data, config.Options{Files: os.DirFS(d.root)})
	if err != nil {
		return nil, fmt.Errorf("%s, %s:\n%w", d.file(), config.Key, err)
	}
	return s, nil
}

func (d deployment) file() string { return "Pulumi." + d.stack + ".yaml" }

func (d deployment) object() (map[string]any, error) {
	data, err := os.ReadFile(filepath.Join(d.root, d.file()))
	if err != nil {
		return nil, fmt.Errorf("read the settings of stack %s: %w", d.stack, err)
	}
	var file struct{ Config map[string]any }
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read %s: %w", d.file(), err)
	}
	object, ok := file.Config[config.Key].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s has no %s", d.file(), config.Key)
	}
	return object, nil
}
