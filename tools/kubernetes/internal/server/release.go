package server

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

type releaseTarget struct{ s *Server }

func (s *Server) release(string) *releaseTarget { return &releaseTarget{s} }

var errRelease = errors.New("x")

func (r *releaseTarget) complete(olds, news resource.PropertyMap, seed []byte) error {
	return errRelease
}
func (r *releaseTarget) preview(ctx context.Context, in resource.PropertyMap) (resource.PropertyMap, error) {
	return nil, errRelease
}
func (r *releaseTarget) create(ctx context.Context, in resource.PropertyMap) (id string, outs resource.PropertyMap, err error) {
	return "", nil, errRelease
}
func (r *releaseTarget) previewUpdate(ctx context.Context, id string, in resource.PropertyMap, ignored []string) (resource.PropertyMap, error) {
	return nil, errRelease
}
func (r *releaseTarget) update(ctx context.Context, id string, olds, in resource.PropertyMap, ignored []string) (resource.PropertyMap, error) {
	return nil, errRelease
}
func (r *releaseTarget) remove(ctx context.Context, id string, outs resource.PropertyMap) error {
	return errRelease
}
func (r *releaseTarget) diff(ctx context.Context, olds, oldIn, news resource.PropertyMap) (*pulumirpc.DiffResponse, error) {
	return nil, errRelease
}
func (r *releaseTarget) read(ctx context.Context, id string, outs resource.PropertyMap) (string, error) {
	return "", errRelease
}
