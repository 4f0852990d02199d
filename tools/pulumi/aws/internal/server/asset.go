package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/archive"
	"github.com/zclconf/go-cty/cty"
)

// assetName names the file of an asset after its content, so that the same
// content has the same name in every plan and state, on every machine. An asset
// that came back from the state has a hash but no content: it names the same file.
func assetName(v resource.PropertyValue) (name, hash string, err error) {
	ext := ""
	switch {
	case v.IsArchive():
		hash, ext = v.ArchiveValue().Hash, ".zip"
	case v.IsAsset():
		hash = v.AssetValue().Hash
	}
	if hash == "" {
		return "", "", fmt.Errorf("the %s has neither content nor a hash", v.TypeString())
	}
	return "asset-" + hash[:min(40, len(hash))] + ext, hash, nil
}

// assetFiles are the files of one operation, by the name of their attribute.
type assetFiles struct {
	dir   string
	attrs map[string]string
}

// writeAssets writes the assets among the inputs to a folder of their own. An
// asset without content is left out: the provider reads a file only when its
// name, which has the content's hash in it, changes.
func (t *target) writeAssets(in resource.PropertyMap) (*assetFiles, error) {
	files := &assetFiles{attrs: map[string]string{}}
	for attr, f := range t.Fields {
		v, ok := in[resource.PropertyKey(f.Name)]
		if v = bare(v); !ok ||
			!(v.IsAsset() && v.AssetValue().HasContents() || v.IsArchive() && v.ArchiveValue().HasContents()) {
			continue
		}
		name, _, err := assetName(v)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", f.Name, err), files.removed())
		}
		if files.dir == "" {
			if files.dir, err = os.MkdirTemp("", "tfaws-assets-"); err != nil {
				return nil, err
			}
		}
		if err := writeAsset(filepath.Join(files.dir, name), v); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: write the content for upload: %w", f.Name, err), files.removed())
		}
		files.attrs[attr] = name
	}
	return files, nil
}

func writeAsset(path string, v resource.PropertyValue) error {
	if v.IsArchive() {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		return errors.Join(v.ArchiveValue().Archive(archive.ZIPArchive, f), f.Close())
	}
	b, err := v.AssetValue().Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// place gives the provider whole paths where plans and states have file names.
func (f *assetFiles) place(v cty.Value) cty.Value {
	return f.rename(v, func(name string) string { return filepath.Join(f.dir, name) })
}

// unplace undoes place.
func (f *assetFiles) unplace(v cty.Value) cty.Value {
	return f.rename(v, filepath.Base)
}

func (f *assetFiles) rename(v cty.Value, to func(string) string) cty.Value {
	if len(f.attrs) == 0 || v == cty.NilVal || v.IsNull() || !v.IsKnown() {
		return v
	}
	attrs := v.AsValueMap()
	for attr, name := range f.attrs {
		if a := attrs[attr]; !a.IsNull() && a.IsKnown() && filepath.Base(a.AsString()) == name {
			attrs[attr] = cty.StringVal(to(a.AsString()))
		}
	}
	return cty.ObjectVal(attrs)
}

// remove deletes the files. A leftover in the system's temporary folder is no
// reason to fail an operation that AWS has carried out.
func (f *assetFiles) remove() { _ = f.removed() }

func (f *assetFiles) removed() error {
	if f.dir == "" {
		return nil
	}
	return os.RemoveAll(f.dir)
}
