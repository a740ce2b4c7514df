package nodelet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// configRefresh is how often mounted ConfigMaps and Secrets are read again, as
// often as a real kubelet does it.
const configRefresh = time.Minute

// volumes writes the volumes of one pod below dir/<volume name>.
type volumes struct {
	dir  string
	pod  *v1.Pod
	get  *objects
	base map[string]string // for fieldRef
}

// setUp writes all volumes. It returns when they want to be written again; zero
// means never.
func (vs *volumes) setUp(ctx context.Context) (next time.Time, err error) {
	for i := range vs.pod.Spec.Volumes {
		vol := &vs.pod.Spec.Volumes[i]
		due, err := vs.write(ctx, vol)
		if err != nil {
			return time.Time{}, fmt.Errorf("MountVolume.SetUp failed for volume %q: %w", vol.Name, err)
		}
		next = earlier(next, due)
	}
	return next, nil
}

func (vs *volumes) write(ctx context.Context, vol *v1.Volume) (due time.Time, err error) {
	dir := filepath.Join(vs.dir, vol.Name)
	if vol.HostPath != nil {
		return time.Time{}, nil // mounted from where it is
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return time.Time{}, err
	}
	var files map[string][]byte
	switch {
	case vol.EmptyDir != nil:
		return time.Time{}, nil
	case vol.ConfigMap != nil:
		files, err = vs.configMapFiles(ctx, vol.ConfigMap.Name, vol.ConfigMap.Items, vol.ConfigMap.Optional)
		due = time.Now().Add(configRefresh)
	case vol.Secret != nil:
		files, err = vs.secretFiles(ctx, vol.Secret.SecretName, vol.Secret.Items, vol.Secret.Optional)
		due = time.Now().Add(configRefresh)
	case vol.DownwardAPI != nil:
		files, err = vs.downwardFiles(vol.DownwardAPI.Items)
	case vol.Projected != nil:
		files, due, err = vs.projectedFiles(ctx, vol.Projected)
	default:
		return time.Time{}, errors.New("the nodelet knows emptyDir, configMap, secret, projected, downwardAPI and hostPath volumes only: use one of these in the test")
	}
	if err != nil {
		return time.Time{}, err
	}
	return due, writeFiles(dir, files)
}

func (vs *volumes) projectedFiles(ctx context.Context, p *v1.ProjectedVolumeSource) (map[string][]byte, time.Time, error) {
	all := map[string][]byte{}
	var due time.Time
	for _, src := range p.Sources {
		var files map[string][]byte
		var err error
		switch {
		case src.ServiceAccountToken != nil:
			var renew time.Time
			files, renew, err = vs.token(ctx, src.ServiceAccountToken)
			due = earlier(due, renew)
		case src.ConfigMap != nil:
			files, err = vs.configMapFiles(ctx, src.ConfigMap.Name, src.ConfigMap.Items, src.ConfigMap.Optional)
			if src.ConfigMap.Name != rootCAName {
				due = earlier(due, time.Now().Add(configRefresh))
			}
		case src.Secret != nil:
			files, err = vs.secretFiles(ctx, src.Secret.Name, src.Secret.Items, src.Secret.Optional)
			due = earlier(due, time.Now().Add(configRefresh))
		case src.DownwardAPI != nil:
			files, err = vs.downwardFiles(src.DownwardAPI.Items)
		default:
			err = errors.New("the kind of projected source is not supported by the nodelet")
		}
		if err != nil {
			return nil, time.Time{}, err
		}
		maps.Copy(all, files)
	}
	return all, due, nil
}

// token asks the API server for a token that is bound to the pod. It is renewed
// when four fifths of its life are over.
func (vs *volumes) token(ctx context.Context, p *v1.ServiceAccountTokenProjection) (map[string][]byte, time.Time, error) {
	account := vs.pod.Spec.ServiceAccountName
	req := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{
		ExpirationSeconds: p.ExpirationSeconds,
		BoundObjectRef: &authv1.BoundObjectReference{
			APIVersion: "v1", Kind: "Pod", Name: vs.pod.Name, UID: vs.pod.UID,
		},
	}}
	if p.Audience != "" {
		req.Spec.Audiences = []string{p.Audience}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	res, err := vs.get.client.CoreV1().ServiceAccounts(vs.pod.Namespace).CreateToken(ctx, account, req, metav1.CreateOptions{})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("failed to fetch token for service account %s/%s: %w", vs.pod.Namespace, account, err)
	}
	life := time.Until(res.Status.ExpirationTimestamp.Time)
	return map[string][]byte{p.Path: []byte(res.Status.Token)}, time.Now().Add(life * 4 / 5), nil
}

func (vs *volumes) configMapFiles(ctx context.Context, name string, items []v1.KeyToPath, optional *bool) (map[string][]byte, error) {
	cm, err := vs.get.configMap(ctx, vs.pod.Namespace, name)
	if err != nil {
		return nil, unlessOptional(err, optional)
	}
	data := map[string][]byte{}
	for k, v := range cm.Data {
		data[k] = []byte(v)
	}
	maps.Copy(data, cm.BinaryData)
	return pick(data, items, isTrue(optional), "ConfigMap "+vs.pod.Namespace+"/"+name)
}

func (vs *volumes) secretFiles(ctx context.Context, name string, items []v1.KeyToPath, optional *bool) (map[string][]byte, error) {
	s, err := vs.get.secret(ctx, vs.pod.Namespace, name)
	if err != nil {
		return nil, unlessOptional(err, optional)
	}
	return pick(s.Data, items, isTrue(optional), "Secret "+vs.pod.Namespace+"/"+name)
}

func (vs *volumes) downwardFiles(items []v1.DownwardAPIVolumeFile) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, item := range items {
		var v string
		var err error
		if item.FieldRef != nil {
			v, err = fieldValue(vs.pod, item.FieldRef.FieldPath, vs.base)
		} else if item.ResourceFieldRef != nil {
			v, err = resourceValue(vs.pod, nil, item.ResourceFieldRef)
		}
		if err != nil {
			return nil, err
		}
		files[item.Path] = []byte(v)
	}
	return files, nil
}

// pick applies the items list: which keys become which files.
func pick(data map[string][]byte, items []v1.KeyToPath, optional bool, object string) (map[string][]byte, error) {
	if len(items) == 0 {
		return data, nil
	}
	files := map[string][]byte{}
	for _, item := range items {
		v, ok := data[item.Key]
		if !ok {
			if optional {
				continue
			}
			return nil, fmt.Errorf("%s has no key %q that the volume asks for", object, item.Key)
		}
		files[item.Path] = v
	}
	return files, nil
}

// writeFiles replaces the files of a volume one by one, each atomically: a reader
// sees the old or the new content and never half of it.
func writeFiles(dir string, files map[string][]byte) error {
	for name, data := range files {
		path := filepath.Join(dir, name)
		if !strings.HasPrefix(path, dir+string(filepath.Separator)) {
			return fmt.Errorf("path %q leads out of the volume", name)
		}
		if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path+".new", data, 0o644); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return nil
}

// mounts lists what has to be mounted where for one container.
func (vs *volumes) mounts(c *v1.Container, env map[string]string) ([]bindMount, error) {
	var list []bindMount
	for _, m := range c.VolumeMounts {
		source := filepath.Join(vs.dir, m.Name)
		for i := range vs.pod.Spec.Volumes {
			if v := &vs.pod.Spec.Volumes[i]; v.Name == m.Name && v.HostPath != nil {
				source = v.HostPath.Path
			}
		}
		sub := m.SubPath
		if m.SubPathExpr != "" {
			sub = expand(m.SubPathExpr, env)
		}
		if sub != "" {
			source = filepath.Join(source, sub)
			if !strings.HasPrefix(source, filepath.Dir(vs.dir)) && sub != filepath.Clean(sub) {
				return nil, fmt.Errorf("subPath %q of volume %q leads out of the volume", sub, m.Name)
			}
			if _, err := os.Stat(source); errors.Is(err, os.ErrNotExist) {
				// As kubelet: a missing subPath becomes a directory.
				if err := os.MkdirAll(source, 0o777); err != nil {
					return nil, err
				}
			}
		}
		list = append(list, bindMount{Source: source, Target: filepath.Join("/", m.MountPath)})
	}
	return list, nil
}

// earlier returns the earlier of two times; zero stands for never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
