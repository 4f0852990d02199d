// Package charts writes the program's Helm charts in the form that this project's kubernetes plugin takes: folders of
// plain manifests, with custom resource definitions from the chart's own project.
package charts

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"dip/tools/lab/loopback"
	"dip/tools/lab/pki"
)

//go:embed keda.yaml
var keda string

// kedaFolder is the plugin's name for the chart: name and version.
const kedaFolder = "keda-2.21.0"

// namespace is the release's: it is part of the names in certificates.
const namespace = "keda"

// values are what a chart's manifests need to know of this machine.
type values struct {
	CA, Cert, Key            string // base64 of PEM
	Probe, Metrics, API, Own int    // ports on loopback
}

// Write writes all charts below a folder. definitions is the folder of KEDA's custom resource definitions.
func Write(dir, definitions string) error {
	if err := write(filepath.Join(dir, kedaFolder), definitions); err != nil {
		return fmt.Errorf("write the chart %s: %w", kedaFolder, err)
	}
	return nil
}

func write(dir, definitions string) error {
	if err := os.MkdirAll(filepath.Join(dir, "crds"), 0o755); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(definitions, "*.yaml"))
	if err != nil || len(files) == 0 {
		return errors.Join(fmt.Errorf("%s has no definitions", definitions), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "crds", filepath.Base(f)), text, 0o644); err != nil {
			return err
		}
	}
	text, err := render()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "keda.yaml"), text, 0o600) // it has a key
}

func render() ([]byte, error) {
	v, err := choose()
	if err != nil {
		return nil, err
	}
	t, err := template.New(kedaFolder).Delims("<<", ">>").Option("missingkey=error").Parse(keda)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = t.Execute(&text, v)
	return text.Bytes(), err
}

// choose makes certificates, by which operator, metrics server and API server authenticate each other, and finds free
// ports.
func choose() (v values, err error) {
	authority, err := pki.NewAuthority("lab KEDA")
	if err != nil {
		return v, err
	}
	service := "keda-operator-metrics-apiserver." + namespace + ".svc"
	peer, err := authority.Peer("keda", "127.0.0.1", "localhost", service)
	if err != nil {
		return v, err
	}
	encode := base64.StdEncoding.EncodeToString
	v.CA, v.Cert, v.Key = encode(authority.Cert), encode(peer.Cert), encode(peer.Key)
	return v, loopback.FreePorts(&v.Probe, &v.Metrics, &v.API, &v.Own)
}
