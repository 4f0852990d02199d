package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"dip/internal/build"
)

// buildImage builds what the stack's container image holds, for this machine, into a folder: one program a segment, which
// is the function's too, and the restage job.
func buildImage(ctx context.Context, root, dir string, say func(string, ...any)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the image's folder: %w", err)
	}
	into := dir + string(filepath.Separator)
	if _, err := build.Go(ctx, root, say, "build", "-trimpath", "-tags=lambda.norpc", "-o", into, "./lambdas/...", "./cmd/restage"); err != nil {
		return fmt.Errorf("build the image's programs: %w", err)
	}
	return nil
}
