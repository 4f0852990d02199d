package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
)

// explain says what was attempted. The original error stays inside.
func (c *Cluster) explain(what, object string, err error) error {
	if IsUnreachable(err) {
		return fmt.Errorf("%s %s: reach the cluster at %s: %w", what, object, c.server, err)
	}
	return fmt.Errorf("%s %s: %w", what, object, err)
}

// IsMissing reports whether an error says that an object does not exist, or not even its kind or namespace.
func IsMissing(err error) bool { return apierrors.IsNotFound(err) || isNoKind(err) }

// isNoKind reports whether an error says that the cluster does not serve the kind.
func isNoKind(err error) bool {
	var kind *meta.NoKindMatchError
	var resource *meta.NoResourceMatchError
	return errors.As(err, &kind) || errors.As(err, &resource)
}

// IsUnreachable reports whether there was no connection to the cluster, or it was cut. Missing credentials or a foreign
// certificate do not count.
func IsUnreachable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) || errors.Is(err, context.Canceled) {
		return false
	}
	var op *net.OpError
	var request *url.Error
	// An alert of TLS, of either side, is an OpError too.
	return errors.As(err, &op) && !strings.HasSuffix(op.Op, " error") || errors.As(err, &request) && request.Timeout() ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// passing reports whether a write may succeed when it is retried: the cluster is busy or restarts, another client wrote
// at the same time, or a kind or an admission webhook is so new that the API server does not have it yet.
func passing(err error) bool {
	switch {
	case IsUnreachable(err), isNoKind(err):
		return true
	case apierrors.IsConflict(err):
		return !isOwned(err)
	}
	return apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// isOwned reports whether a write was refused because another manager owns fields that it sets.
func isOwned(err error) bool {
	return apierrors.IsConflict(err) && len(causes(err, func(c v1.StatusCause) bool {
		return c.Type == v1.CauseTypeFieldManagerConflict
	})) > 0
}

// cannotChange reports whether the API server itself says that a field cannot be changed.
func cannotChange(err error) bool {
	return apierrors.IsInvalid(err) &&
		(strings.Contains(err.Error(), "immutable") || len(causes(err, func(c v1.StatusCause) bool {
			return strings.Contains(c.Message, "immutable")
		})) > 0)
}

// Fields returns the fields that an error names, as paths.
func Fields(err error) []string {
	var fields []string
	for _, c := range causes(err, func(c v1.StatusCause) bool { return c.Field != "" }) {
		fields = append(fields, c.Field)
	}
	return fields
}

func causes(err error, take func(v1.StatusCause) bool) []v1.StatusCause {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var all []v1.StatusCause
	for _, c := range status.Status().Details.Causes {
		if take(c) {
			all = append(all, c)
		}
	}
	return all
}

// IsRefused reports whether the API server understood a request and refused it.
func IsRefused(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code >= 400 && status.Status().Code < 500 &&
		!apierrors.IsTooManyRequests(err)
}
