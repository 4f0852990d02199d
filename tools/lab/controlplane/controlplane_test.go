package controlplane_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"dip/tools/lab/controlplane"
)

// program is a stand-in that a shell runs.
func program(t *testing.T, name, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryProgramIsNeeded(t *testing.T) {
	all := map[string]string{"etcd": "e", "kube-apiserver": "a", "kube-controller-manager": "c", "kube-scheduler": "s",
		"kwok": "k"}
	for name := range all {
		without := map[string]string{}
		for other, path := range all {
			if other != name {
				without[other] = path
			}
		}
		_, err := controlplane.Start(t.Context(), controlplane.Options{Dir: t.TempDir(), Binaries: without})
		if err == nil || !strings.Contains(err.Error(), "Binaries["+name+"]: missing") {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestAProgramThatEndsFailsTheStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cp")
	_, err := controlplane.Start(t.Context(), controlplane.Options{
		Dir: dir, AdmissionOnly: true, Webhook: &controlplane.Webhook{URL: "https://127.0.0.1:1", CA: []byte("CA")},
		Binaries: map[string]string{
			"etcd":           program(t, "etcd", "echo the disk is full >&2; exit 3"),
			"kube-apiserver": program(t, "kube-apiserver", `echo "$@"; exec sleep 60`),
		},
	})
	if err == nil || !strings.Contains(err.Error(),
		"start a control plane: etcd ended (exit status 3): the disk is full") {
		t.Errorf("it starts: %v", err)
	}
	config, err := clientcmd.LoadFromFile(filepath.Join(dir, "webhook.kubeconfig"))
	if err != nil || config.Clusters["lab"].Server != "https://127.0.0.1:1" ||
		!bytes.Equal(config.Clusters["lab"].CertificateAuthorityData, []byte("CA")) {
		t.Errorf("the webhook is %v (%v)", config, err)
	}
}

func TestTheEndOfTheContextEndsTheStart(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	_, err := controlplane.Start(ctx, controlplane.Options{
		Dir: filepath.Join(t.TempDir(), "cp"), AdmissionOnly: true,
		Binaries: map[string]string{"etcd": program(t, "etcd", "exec sleep 60"),
			"kube-apiserver": program(t, "kube-apiserver", "exec sleep 60")},
	})
	if err == nil || !strings.Contains(err.Error(), "wait until the API server answers: enough") {
		t.Errorf("it starts: %v", err)
	}
}

func TestStages(t *testing.T) {
	text := string(controlplane.Stages(`.spec | startswith("it's")`))
	if strings.Contains(text, "IS_REAL") {
		t.Error("the expression is not filled in")
	}
	pods := 0
	for _, document := range strings.Split(text, "---\n") {
		var stage struct {
			Kind string
			Spec struct {
				ResourceRef struct{ Kind string }
				Selector    struct {
					MatchExpressions []struct {
						Key, Operator string
						Values        []string
					}
				}
			}
		}
		if err := yaml.Unmarshal([]byte(document), &stage); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if stage.Kind != "Stage" {
			t.Errorf("a document of kind %q", stage.Kind)
		}
		if stage.Spec.ResourceRef.Kind != "Pod" {
			continue
		}
		pods++
		// As a positive condition: an expression that fails leaves the pod alone.
		if e := stage.Spec.Selector.MatchExpressions[0]; e.Key != `.spec | startswith("it's")` || e.Operator != "In" ||
			e.Values[0] != "false" {
			t.Errorf("pods are chosen by %v", e)
		}
	}
	if pods != 3 {
		t.Errorf("%d stages of pods", pods)
	}
}
