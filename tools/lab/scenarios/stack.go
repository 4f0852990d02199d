package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"dip/config"
	"dip/contract"
	"dip/local"
	"dip/local/emulator"
)

// shortened makes the stack's sizes and times such that a scenario takes minutes on one machine: chunks of 1 MiB,
// functions that may take little at once, and an Escalator that looks often. What the stack is made of stays the same.
var shortened = map[string]any{config.Key: map[string]any{
	"loads": map[string]any{"chunkMB": 1},
	"segments": map[string]any{
		"trips":  map[string]any{"lane": string(contract.Workers)},
		"events": map[string]any{"timeout": "10s"},
		"readings": map[string]any{"stream": map[string]any{
			"interval": "1m", "grace": "15s", "batchingWindow": "1s", "due": "5m",
		}},
	},
	"gateway": map[string]any{
		"certificate": "arn:aws:acm:" + local.Region + ":" + local.Account + ":certificate/lab", "grace": "1m",
	},
	"cluster": map[string]any{
		"privateAccess": true,
		// Two on a node, so that eight are on four; many chunks at once and little grace, so that some have to be handed
		// back.
		"workers": map[string]any{"milliCPU": 1900, "slots": 8, "grace": "10s"},
		"restage": map[string]any{"lease": "20s"},
	},
	// The hour at which the lab runs changes nothing: a second up and a refresh find the minimum as it was.
	"maintenance": map[string]any{"sleep": map[string]any{"enabled": false}},
	"nodeGroups": map[string]any{
		"services": map[string]any{"min": servicesLeast, "max": servicesMost},
		"batch": map[string]any{"kind": string(config.Batch), "dedicated": true, "max": 8, "escalator": map[string]any{
			"scanInterval": "5s", "coolDown": "10s", "softDeleteGrace": "20s",
		}},
	},
}}

// Nodes for services: one that is interrupted leaves enough for the pods that cannot wait.
const servicesLeast, servicesMost = 3, 4

// stackOptions are how the stack is run. The cluster starts when there is an emulator for it to ask.
func (l *Lab) stackOptions(fail context.CancelCauseFunc) local.Options {
	o := local.Options{
		Root: l.options.Root, Stack: stackName, StateDir: filepath.Join(l.options.Dir, "stack"), BuildDir: l.buildDir(),
		Screen: l.options.Screen, InProcess: true, Env: l.engineEnvironment(), Settings: shortened,
	}
	image := o.Image()
	o.ControlPlane = func(ctx context.Context, d local.Daemon) (emulator.ControlPlane, error) {
		var err error
		l.Cluster, err = startCluster(ctx, l, d, image, fail)
		if err != nil {
			return emulator.ControlPlane{}, err
		}
		return emulator.ControlPlane{Endpoint: l.Cluster.Plane.Endpoint, CA: l.Cluster.Plane.CA}, nil
	}
	o.Push = pushImage
	return o
}

// pushImage puts a manifest into the emulated registry: the programs themselves run from the build folder.
func pushImage(ctx context.Context, d local.Daemon, image string) error {
	repository, tag, ok := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !ok {
		return errors.New("not the name of an image")
	}
	cmd := exec.CommandContext(ctx, "aws", "ecr", "put-image", "--repository-name", repository, "--image-tag", tag,
		"--image-manifest", `{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}`)
	cmd.Env = append(os.Environ(), d.Environment()...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("aws ecr put-image: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}

// buildDir outlives a run, so that the next one builds only what has changed.
func (l *Lab) buildDir() string { return filepath.Join(filepath.Dir(l.options.Dir), "build") }

// engineEnvironment is where the kubernetes plugin finds the charts that cannot be fetched.
func (l *Lab) engineEnvironment() map[string]string {
	return map[string]string{"DIP_CHARTS": l.charts()}
}

func (l *Lab) charts() string { return filepath.Join(l.options.Dir, "charts") }

func (l *Lab) up(ctx context.Context, fail context.CancelCauseFunc) (err error) {
	l.Stack, err = local.Up(ctx, l.stackOptions(fail))
	if err != nil {
		return err
	}
	if c := l.Stack.Outputs.Cluster; c == nil || !config.IsClusterOf("", stackName, c.Name) {
		return fmt.Errorf("stack %s: its cluster is %v", stackName, c)
	}
	return nil
}

// down destroys the stack and ends all processes. What the stack left in the cluster is an error.
func (l *Lab) down(ctx context.Context) error {
	var errs []error
	if l.Stack != nil {
		errs = append(errs, l.Stack.Down(ctx))
	}
	if l.Cluster == nil {
		return errors.Join(errs...)
	}
	if errors.Join(errs...) == nil && l.Stack != nil {
		errs = append(errs, l.show.Run("cluster", func(func(string, ...any)) (string, error) {
			return "nothing is left in it", l.Cluster.checkEmpty(ctx)
		}))
	}
	return errors.Join(append(errs, l.Cluster.stop())...)
}
