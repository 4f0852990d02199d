package nodes

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Join is what an instance knows of the cluster that it joins: the flags of its kubelet.
type Join struct {
	Cluster string
	Labels  map[string]string
	Taints  []corev1.Taint
}

// nodeConfigType is the type of the part of the user data that nodeadm reads. Source: "nodeadm", Amazon EKS AMI.
const nodeConfigType = "application/node.eks.aws"

// ParseUserData reads an instance's user data, as nodeadm of Amazon Linux 2023 does: a MIME multipart document with a
// NodeConfig.
func ParseUserData(text string) (Join, error) {
	message, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return Join{}, fmt.Errorf("user data: %w", err)
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return Join{}, errors.Join(fmt.Errorf("user data of type %q, want multipart", kind), err)
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return Join{}, fmt.Errorf("user data without a part of type %s", nodeConfigType)
		}
		if err != nil {
			return Join{}, fmt.Errorf("user data: %w", err)
		}
		if kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type")); err != nil || kind != nodeConfigType {
			continue
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return Join{}, fmt.Errorf("user data: %w", err)
		}
		return parseNodeConfig(body)
	}
}

func parseNodeConfig(text []byte) (Join, error) {
	var config struct {
		Kind string `json:"kind"`
		Spec struct {
			Cluster struct {
				Name string `json:"name"`
			} `json:"cluster"`
			Kubelet struct {
				Flags []string `json:"flags"`
			} `json:"kubelet"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return Join{}, fmt.Errorf("NodeConfig: %w", err)
	}
	if config.Kind != "NodeConfig" || config.Spec.Cluster.Name == "" {
		return Join{}, fmt.Errorf("NodeConfig: kind %q, spec.cluster.name %q: want both", config.Kind,
			config.Spec.Cluster.Name)
	}
	j := Join{Cluster: config.Spec.Cluster.Name, Labels: map[string]string{}}
	for _, flag := range config.Spec.Kubelet.Flags {
		if err := j.take(flag); err != nil {
			return Join{}, fmt.Errorf("NodeConfig: spec.kubelet.flags: %q: %w", flag, err)
		}
	}
	return j, nil
}

// take reads one flag of the kubelet. Those that change nothing here are ignored.
func (j *Join) take(flag string) error {
	name, list, _ := strings.Cut(flag, "=")
	for item := range strings.SplitSeq(list, ",") {
		switch {
		case item == "":
		case name == "--node-labels":
			key, value, ok := strings.Cut(item, "=")
			if !ok {
				return fmt.Errorf("label %q: want key=value", item)
			}
			j.Labels[key] = value
		case name == "--register-with-taints":
			taint, err := parseTaint(item)
			if err != nil {
				return err
			}
			j.Taints = append(j.Taints, taint)
		}
	}
	return nil
}

func parseTaint(text string) (corev1.Taint, error) {
	what, effect, ok := strings.Cut(text, ":")
	key, value, _ := strings.Cut(what, "=")
	switch e := corev1.TaintEffect(effect); e {
	case corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute:
		if ok && key != "" {
			return corev1.Taint{Key: key, Value: value, Effect: e}, nil
		}
	}
	return corev1.Taint{}, fmt.Errorf("taint %q: want key=value:effect", text)
}
