package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Versions that the modules of tools/pins hold; they show in progress lines, and Kubernetes reports its own.
const (
	etcdVersion        = "v3.6.4"
	kubernetesVersion  = "v1.34.4"
	kwokVersion        = "v0.8.0"
	terminationVersion = "v1.25.1"
	metadataVersion    = "v1.13.0"
	escalatorVersion   = "v1.15.0"
	kedaVersion        = "v2.21.0"
)

const (
	kedaModule = "github.com/kedacore/keda/v2"
	// kedaCRDs is the folder of KEDA's custom resource definitions, in its module and in the cache.
	kedaCRDs = "keda-crds"
)

// kubernetesFlags make a binary of Kubernetes know its version, which clients and the API's feature gates go by.
var kubernetesFlags = strings.Join([]string{
	stripped,
	"-X k8s.io/component-base/version.gitVersion=" + kubernetesVersion,
	"-X k8s.io/component-base/version.gitMajor=1",
	"-X k8s.io/component-base/version.gitMinor=34",
	"-X k8s.io/client-go/pkg/version.gitVersion=" + kubernetesVersion,
}, " ")

// admission is what checks objects as a cluster would: the API server, its store, and the kinds that KEDA adds.
var admission = []tool{
	pinned("etcd", "etcd", "go.etcd.io/etcd/server/v3", etcdVersion, stripped),
	pinned("kube-apiserver", "controlplane", "k8s.io/kubernetes/cmd/kube-apiserver", kubernetesVersion, kubernetesFlags),
	{
		name: kedaCRDs, module: "pins/keda", files: []string{kedaCRDs}, build: copyKEDA,
		what: "KEDA's custom resource definitions", version: kedaVersion,
	},
}

// controllers are what else runs in the lab's cluster.
var controllers = []tool{
	pinned("kube-controller-manager", "controlplane", "k8s.io/kubernetes/cmd/kube-controller-manager",
		kubernetesVersion, kubernetesFlags),
	pinned("kube-scheduler", "controlplane", "k8s.io/kubernetes/cmd/kube-scheduler", kubernetesVersion, kubernetesFlags),
	pinned("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", kwokVersion, stripped),
	pinned("node-termination-handler", "termination", "github.com/aws/aws-node-termination-handler/cmd",
		terminationVersion, stripped),
	pinned("ec2-metadata-mock", "metadata", "github.com/aws/amazon-ec2-metadata-mock/cmd/ec2-metadata-mock",
		metadataVersion, stripped),
	pinned("escalator", "escalator", "github.com/atlassian/escalator/cmd", escalatorVersion, stripped),
	pinned("keda", "keda", kedaModule+"/cmd/operator", kedaVersion, stripped),
	pinned("keda-adapter", "keda", kedaModule+"/cmd/adapter", kedaVersion, stripped),
}

// pinned is a binary whose module, a folder of tools/pins, holds nothing but the pins of its dependencies.
func pinned(name, module, pkg, version, ldflags string) tool {
	return program(name, "pins/"+module, pkg, name, version, ldflags)
}

// copyKEDA takes the definitions out of KEDA's module, which has them as plain files.
func copyKEDA(in *installer, module, out string) error {
	if err := goTool(module, in.log, "mod", "download", kedaModule); err != nil {
		return err
	}
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", kedaModule)
	list.Dir, list.Stderr = module, in.log
	dir, err := list.Output()
	if err != nil {
		return fmt.Errorf("find the files of %s: %w", kedaModule, err)
	}
	files, err := filepath.Glob(filepath.Join(string(bytes.TrimSpace(dir)), "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) == 0 {
		return errors.Join(fmt.Errorf("%s has no config/crd/bases", kedaModule), err)
	}
	target := filepath.Join(out, kedaCRDs)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(target, filepath.Base(f)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// provide builds tools and returns the path of each by name.
func (in *installer) provide(tools []tool) (map[string]string, error) {
	found := map[string]string{}
	for _, t := range tools {
		dir, err := in.ensure(t)
		if err != nil {
			return nil, err
		}
		found[t.name] = filepath.Join(dir, t.files[0])
	}
	return found, nil
}
