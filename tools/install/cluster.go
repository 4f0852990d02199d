package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Versions that the modules below tools/ pin; they show in progress lines, and Kubernetes reports its own.
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
	"-s -w",
	"-X k8s.io/component-base/version.gitVersion=" + kubernetesVersion,
	"-X k8s.io/component-base/version.gitMajor=1",
	"-X k8s.io/component-base/version.gitMinor=34",
	"-X k8s.io/client-go/pkg/version.gitVersion=" + kubernetesVersion,
}, " ")

// admission is what checks objects as a cluster would: the API server, its store, and the kinds that KEDA adds.
var admission = []tool{
	pinned("etcd", "etcd", "go.etcd.io/etcd/server/v3", "-s -w", etcdVersion+" (about a minute the first time)"),
	pinned("kube-apiserver", "controlplane", "k8s.io/kubernetes/cmd/kube-apiserver", kubernetesFlags, kubernetesVersion+" (about 4 minutes the first time)"),
	{name: kedaCRDs, module: "keda", what: "KEDA's custom resource definitions " + kedaVersion, files: []string{kedaCRDs}, build: copyKEDA},
}

// controllers are what else runs in the lab's cluster.
var controllers = []tool{
	pinned("kube-controller-manager", "controlplane", "k8s.io/kubernetes/cmd/kube-controller-manager", kubernetesFlags, kubernetesVersion+" (about a minute)"),
	pinned("kube-scheduler", "controlplane", "k8s.io/kubernetes/cmd/kube-scheduler", kubernetesFlags, kubernetesVersion),
	pinned("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "-s -w", kwokVersion+" (about a minute the first time)"),
	pinned("node-termination-handler", "termination", "github.com/aws/aws-node-termination-handler/cmd", "-s -w", terminationVersion+" (about 2 minutes the first time)"),
	pinned("ec2-metadata-mock", "metadata", "github.com/aws/amazon-ec2-metadata-mock/cmd/ec2-metadata-mock", "-s -w", metadataVersion),
	pinned("escalator", "escalator", "github.com/atlassian/escalator/cmd", "-s -w", escalatorVersion+" (about a minute the first time)"),
	pinned("keda", "keda", kedaModule+"/cmd/operator", "-s -w", kedaVersion+", the operator (about 7 minutes the first time)"),
	pinned("keda-adapter", "keda", kedaModule+"/cmd/adapter", "-s -w", kedaVersion+", the metrics server (about a minute)"),
}

// pinned is a binary whose module below tools/ holds nothing but the pins of its dependencies.
func pinned(name, module, pkg, ldflags, what string) tool {
	return tool{
		name: name, module: module, what: name + " " + what, files: []string{name},
		build: func(module, out string, log io.Writer) error {
			return goTool(module, log, "build", "-ldflags="+ldflags, "-o", filepath.Join(out, name), pkg)
		},
	}
}

// copyKEDA takes the definitions out of KEDA's module, which has them as plain files.
func copyKEDA(module, out string, log io.Writer) error {
	if err := goTool(module, log, "mod", "download", kedaModule); err != nil {
		return err
	}
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", kedaModule)
	list.Dir, list.Stderr = module, log
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

// provide builds tools and tells where each is: its name to its path.
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
