package client

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"dip/contract"
)

// Objects is the part of S3 needed to list and fetch outputs. *s3.Client implements it.
type Objects interface {
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// downloads is the maximum number of concurrent downloads.
const downloads = 4

// SegmentLoads lists a segment's published loads from their manifests.
func SegmentLoads(ctx context.Context, s Objects, bucket, segment string) ([]string, error) {
	prefix := contract.ManifestKey(segment, "")
	var loads []string
	pages := s3.NewListObjectsV2Paginator(s, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the manifests of %s: %w", segment, err)
		}
		for _, o := range page.Contents {
			loads = append(loads, strings.TrimPrefix(aws.ToString(o.Key), prefix))
		}
	}
	return loads, nil
}

// Published lists the URIs of a load's Parquet files.
func Published(ctx context.Context, lake Lake, segment, load string) ([]string, error) {
	data, err := lake.Get(ctx, contract.ManifestKey(segment, load))
	if err != nil {
		return nil, err
	}
	var uris []string
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if uri := strings.TrimSpace(lines.Text()); uri != "" {
			uris = append(uris, uri)
		}
	}
	return uris, lines.Err()
}

// maxName is the maximum length of a file or folder name on common file systems, in bytes.
const maxName = 255

// localName is the local name for an element of a key: the element or, if that is too long, its beginning and a hash.
func localName(element string) string {
	if len(element) <= maxName {
		return element
	}
	sum := sha256.Sum256([]byte(element))
	end := "~" + hex.EncodeToString(sum[:12])
	cut := maxName - len(end)
	for cut > 0 && !utf8.RuneStart(element[cut]) {
		cut--
	}
	return element[:cut] + end
}

// Download fetches published files into dir, under their partition folders, and returns their paths in order. The
// folder of a long partition value has a short name (see localName); the value itself is in the file. A file that
// already exists with its full length is skipped: published files never change.
func Download(ctx context.Context, s Objects, uris []string, dir string) ([]string, error) {
	paths := make([]string, len(uris))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(downloads)
	for i, uri := range uris {
		bucket, key, ok := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
		local := filepath.FromSlash(strings.TrimPrefix(key, contract.DataPrefix))
		if !ok || !filepath.IsLocal(local) {
			return nil, errors.Join(fmt.Errorf("download %s: not an object of the lake", uri), group.Wait())
		}
		elements := strings.Split(local, string(filepath.Separator))
		for k, element := range elements {
			elements[k] = localName(element)
		}
		paths[i] = filepath.Join(dir, filepath.Join(elements...))
		group.Go(func() error {
			if err := fetch(ctx, s, bucket, key, paths[i]); err != nil {
				return fmt.Errorf("download %s: %w", uri, err)
			}
			return nil
		})
	}
	return paths, group.Wait()
}

func fetch(ctx context.Context, s Objects, bucket, key, path string) (err error) {
	out, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	if info, err := os.Stat(path); err == nil && out.ContentLength != nil && info.Size() == *out.ContentLength {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".download-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = io.Copy(f, out.Body)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
