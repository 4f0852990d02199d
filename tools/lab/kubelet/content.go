package kubelet

import (
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
)

// defaultMode is the mode of a volume's files unless stated otherwise.
const defaultMode = 0o644

// volume is the content of a volume when its pod starts.
func (s sources) volume(v corev1.VolumeSource) (files, error) {
	switch {
	case v.EmptyDir != nil:
		return nil, nil
	case v.ConfigMap != nil:
		return s.configMapFiles(v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.DefaultMode, v.ConfigMap.Optional)
	case v.Secret != nil:
		return s.secretFiles(v.Secret.SecretName, v.Secret.Items, v.Secret.DefaultMode, v.Secret.Optional)
	case v.DownwardAPI != nil:
		return s.fieldFiles(v.DownwardAPI.Items, v.DownwardAPI.DefaultMode)
	case v.Projected != nil:
		all := files{}
		for i, source := range v.Projected.Sources {
			some, err := s.projection(source, v.Projected.DefaultMode)
			if err != nil {
				return nil, fmt.Errorf("projected.sources[%d]: %w", i, err)
			}
			for path, f := range some {
				all[path] = f
			}
		}
		return all, nil
	default:
		return nil, errors.New("unsupported kind: want emptyDir, configMap, secret, downwardAPI or projected")
	}
}

func (s sources) projection(v corev1.VolumeProjection, mode *int32) (files, error) {
	switch {
	case v.ConfigMap != nil:
		return s.configMapFiles(v.ConfigMap.Name, v.ConfigMap.Items, mode, v.ConfigMap.Optional)
	case v.Secret != nil:
		return s.secretFiles(v.Secret.Name, v.Secret.Items, mode, v.Secret.Optional)
	case v.DownwardAPI != nil:
		return s.fieldFiles(v.DownwardAPI.Items, mode)
	case v.ServiceAccountToken != nil:
		token, err := s.token(v.ServiceAccountToken.Audience)
		if err != nil {
			return nil, fmt.Errorf("serviceAccountToken: %w", err)
		}
		return files{v.ServiceAccountToken.Path: {[]byte(token), modeOf(nil, mode)}}, nil
	default:
		return nil, errors.New("unsupported kind: want configMap, secret, downwardAPI or serviceAccountToken")
	}
}

func (s sources) configMapFiles(name string, items []corev1.KeyToPath, mode *int32, optional *bool) (files, error) {
	m, err := s.configMap(name)
	if missing(err, optional) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	for key, text := range m.Data {
		data[key] = []byte(text)
	}
	for key, bytes := range m.BinaryData {
		data[key] = bytes
	}
	return chosen(data, items, mode, optional)
}

func (s sources) secretFiles(name string, items []corev1.KeyToPath, mode *int32, optional *bool) (files, error) {
	m, err := s.secret(name)
	if missing(err, optional) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return chosen(m.Data, items, mode, optional)
}

// chosen are the selected items of an object's data; all of it if none is selected.
func chosen(data map[string][]byte, items []corev1.KeyToPath, mode *int32, optional *bool) (files, error) {
	all := files{}
	if len(items) == 0 {
		for key, bytes := range data {
			all[key] = file{bytes, modeOf(nil, mode)}
		}
	}
	for _, item := range items {
		bytes, ok := data[item.Key]
		if !ok {
			if optional != nil && *optional {
				continue
			}
			return nil, fmt.Errorf("key %q: missing", item.Key)
		}
		all[item.Path] = file{bytes, modeOf(item.Mode, mode)}
	}
	return all, nil
}

func (s sources) fieldFiles(items []corev1.DownwardAPIVolumeFile, mode *int32) (files, error) {
	all := files{}
	for _, item := range items {
		var text string
		var err error
		if item.FieldRef != nil {
			text, err = s.field(item.FieldRef.FieldPath)
		} else {
			text, err = s.resource(item.ResourceFieldRef, nil)
		}
		if err != nil {
			return nil, fmt.Errorf("downwardAPI item %s: %w", item.Path, err)
		}
		all[item.Path] = file{[]byte(text), modeOf(item.Mode, mode)}
	}
	return all, nil
}

func modeOf(own, common *int32) os.FileMode {
	switch {
	case own != nil:
		return os.FileMode(*own)
	case common != nil:
		return os.FileMode(*common)
	default:
		return defaultMode
	}
}
