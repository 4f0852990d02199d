package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dip/config"
)

const outputs = `{"cluster": {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/images-repository-1a2b:0123"}}`

// record notes what is run, and answers as told. A program that is not expected to fail succeeds.
type record struct {
	ran     []string
	inputs  []string
	answers map[string][]string // what a command prints, call by call; the last answer stays
	fails   map[string]error
}

func (r *record) note(program string, args []string) (string, error) {
	line := program + " " + strings.Join(args, " ")
	r.ran = append(r.ran, line)
	for prefix, err := range r.fails {
		if strings.HasPrefix(line, prefix) {
			return "", err
		}
	}
	for prefix, list := range r.answers {
		if strings.HasPrefix(line, prefix) {
			if len(list) > 1 {
				r.answers[prefix] = list[1:]
			}
			return list[0], nil
		}
	}
	return "", nil
}

func (r *record) run(_ context.Context, input io.Reader, program string, args ...string) error {
	if input != nil {
		text, err := io.ReadAll(input)
		if err != nil {
			return err
		}
		r.inputs = append(r.inputs, string(text))
	}
	_, err := r.note(program, args)
	return err
}

func (r *record) read(_ context.Context, program string, args ...string) (string, error) {
	return r.note(program, args)
}

// steps are the commands, cut to what tells them apart.
func (r *record) steps() (list []string) {
	for _, line := range r.ran {
		words := strings.Fields(line)
		step := strings.Join(words[:min(3, len(words))], " ")
		if i := slices.Index(words, "--target"); i > 0 {
			step += " " + words[i+1]
		}
		list = append(list, step)
	}
	return list
}

// project is a folder with a stack and its built programs.
func project(t *testing.T, settings string, r *record) deployment {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"Pulumi.dev.yaml":               "config:\n  dip:stack: " + settings + "\n",
		"schemas/trips.json":            `{"fields": [{"name": "id"}]}`,
		"Dockerfile":                    "FROM scratch\n",
		"build/arm64/image/app/trips":   "trips",
		"build/arm64/image/app/restage": "restage",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return deployment{root: root, stack: "dev", shell: r, out: io.Discard}
}

const clustered = `{environment: dev, cluster: {privateAccess: true}, segments: {trips: {}}}`

var errMissing = errors.New("exit status 254: An error occurred (ImageNotFoundException)")

func TestDeploy(t *testing.T) {
	const (
		build = "go run ./cmd/build"
		ask   = "pulumi stack output"
		look  = "aws ecr describe-images"
		prune = "go run ./cmd/dip"
		first = "env " + config.RegistryOnly + "=true pulumi " + config.RegistryTarget
	)
	push := []string{"aws ecr get-login-password", "docker login --username", "docker buildx build"}
	for name, c := range map[string]struct {
		settings string
		r        record
		want     []string
	}{
		"the first time the repository comes alone": {
			clustered, record{answers: map[string][]string{ask: {"{}", outputs}}, fails: map[string]error{look: errMissing}},
			slices.Concat([]string{build, ask, first, ask, look}, push, []string{"pulumi up --stack", prune}),
		},
		"new code is pushed, then rolled out": {
			clustered, record{answers: map[string][]string{ask: {outputs}}, fails: map[string]error{look: errMissing}},
			slices.Concat([]string{build, ask, look}, push, []string{"pulumi up --stack", prune}),
		},
		"what is pushed is not pushed twice": {
			clustered, record{answers: map[string][]string{ask: {outputs}}}, []string{build, ask, look, "pulumi up --stack", prune},
		},
		"without a cluster there is no image": {
			`{environment: dev, cluster: {enabled: false}, segments: {trips: {}}}`, record{},
			[]string{build, "pulumi up --stack", prune},
		},
	} {
		if err := project(t, c.settings, &c.r).deploy(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := c.r.steps(); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

// The password goes through standard input, to the repository's own registry and region, and the tag is the content's.
func TestPush(t *testing.T) {
	r := &record{
		answers: map[string][]string{"pulumi stack output": {outputs}, "aws ecr get-login-password": {"hunter2"}},
		fails:   map[string]error{"aws ecr describe-images": errMissing},
	}
	if err := project(t, clustered, r).push(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(r.ran, "\n")
	for _, want := range []string{
		"aws ecr get-login-password --region us-east-1",
		"docker login --username AWS --password-stdin 123456789012.dkr.ecr.us-east-1.amazonaws.com\n",
		"--platform linux/arm64",
		"type=image,name=123456789012.dkr.ecr.us-east-1.amazonaws.com/images-repository-1a2b:",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if strings.Contains(all, "hunter2") || !slices.Equal(r.inputs, []string{"hunter2"}) || strings.Contains(all, ":0123") {
		t.Errorf("inputs are %q, commands\n%s", r.inputs, all)
	}
}

// A failure ends the deployment before anything is rolled out.
func TestNothingIsRolledOutWithoutItsImage(t *testing.T) {
	for _, step := range []string{"go run", "pulumi stack", "aws ecr", "docker login", "docker buildx"} {
		r := &record{
			answers: map[string][]string{"pulumi stack output": {outputs}},
			fails:   map[string]error{step: errors.New("no"), "aws ecr describe-images": errMissing},
		}
		if step == "aws ecr" {
			r.fails = map[string]error{step: errors.New("AccessDenied")}
		}
		err := project(t, clustered, r).deploy(t.Context())
		if err == nil || slices.Contains(r.steps(), "pulumi up --stack") {
			t.Errorf("%s fails: %v, ran %q", step, err, r.steps())
		}
	}
}

func TestDigests(t *testing.T) {
	r := &record{answers: map[string][]string{"docker buildx imagetools": {"sha256:12"}}}
	d, text := project(t, `{environment: prod, segments: {trips: {}}}`, r), &strings.Builder{}
	d.out = text
	if err := d.printDigests(t.Context()); err != nil {
		t.Fatal(err)
	}
	const want = "    escalator: ghcr.io/atlassian/escalator:v1.15.0@sha256:12\n"
	if !strings.HasPrefix(text.String(), "cluster:\n  images:\n") || !strings.Contains(text.String(), want) {
		t.Errorf("%s, want %s", text, want)
	}
}
