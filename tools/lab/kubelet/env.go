package kubelet

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// environment are the variables of a container, to which its command may refer.
func (p *pod) environment(ctx context.Context, c *corev1.Container) (map[string]string, error) {
	return p.sources(ctx).environment(c, p.kubelet.options.APIServer)
}

// variables are those of a container's process: its own and those that the image and the kubelet's owner add.
func (p *pod) variables(c *corev1.Container, own map[string]string) ([]string, error) {
	all := map[string]string{"PATH": os.Getenv("PATH"), "HOME": "/", "HOSTNAME": p.object.Name}
	maps.Copy(all, own)
	if p.kubelet.options.Env != nil {
		more, err := p.kubelet.options.Env(p.object, c.Name)
		if err != nil {
			return nil, err
		}
		for _, variable := range more {
			name, value, _ := strings.Cut(variable, "=")
			all[name] = value
		}
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list, nil
}

// environment resolves a container's variables. A later one replaces an earlier one of its name, and may refer to it.
func (s sources) environment(c *corev1.Container, apiServer string) (map[string]string, error) {
	host, port, err := net.SplitHostPort(apiServer)
	if err != nil {
		return nil, err
	}
	variables := map[string]string{
		"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "KUBERNETES_SERVICE_PORT_HTTPS": port,
	}
	for i, from := range c.EnvFrom {
		more, err := s.envFrom(from)
		if err != nil {
			return nil, fmt.Errorf("envFrom[%d]: %w", i, err)
		}
		for name, value := range more {
			variables[from.Prefix+name] = value
		}
	}
	for _, v := range c.Env {
		value, ok, err := s.value(c, v, variables)
		if err != nil {
			return nil, fmt.Errorf("env %s: %w", v.Name, err)
		}
		if ok {
			variables[v.Name] = value
		}
	}
	return variables, nil
}

func (s sources) envFrom(from corev1.EnvFromSource) (map[string]string, error) {
	switch {
	case from.ConfigMapRef != nil:
		m, err := s.configMap(from.ConfigMapRef.Name)
		if missing(err, from.ConfigMapRef.Optional) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return m.Data, nil
	case from.SecretRef != nil:
		m, err := s.secret(from.SecretRef.Name)
		if missing(err, from.SecretRef.Optional) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		texts := map[string]string{}
		for name, value := range m.Data {
			texts[name] = string(value)
		}
		return texts, nil
	}
	return nil, nil
}

// value is a variable's; ok is false if it is optional and there is none.
func (s sources) value(
	c *corev1.Container, v corev1.EnvVar, variables map[string]string) (value string, ok bool, err error,
) {
	from := v.ValueFrom
	switch {
	case from == nil:
		return expand(v.Value, variables), true, nil
	case from.FieldRef != nil:
		value, err = s.field(from.FieldRef.FieldPath)
		return value, true, err
	case from.ResourceFieldRef != nil:
		value, err = s.resource(from.ResourceFieldRef, c)
		return value, true, err
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		m, err := s.configMap(ref.Name)
		if err == nil {
			value, ok = m.Data[ref.Key]
		}
		return keyed(value, ok, err, ref.Key, ref.Optional)
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		m, err := s.secret(ref.Name)
		var bytes []byte
		if err == nil {
			bytes, ok = m.Data[ref.Key]
		}
		return keyed(string(bytes), ok, err, ref.Key, ref.Optional)
	default:
		return "", false, fmt.Errorf("valueFrom: unsupported kind")
	}
}

// keyed is the value of a key: that it is missing is an error unless it is optional.
func keyed(value string, ok bool, err error, key string, optional *bool) (string, bool, error) {
	switch {
	case missing(err, optional):
		return "", false, nil
	case err != nil:
		return "", false, err
	case !ok && (optional == nil || !*optional):
		return "", false, fmt.Errorf("key %q: missing", key)
	default:
		return value, ok, nil
	}
}
