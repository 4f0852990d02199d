package scenarios

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"dip/contract"
	"dip/internal/client"
	"dip/internal/sample"
	"dip/internal/terminal"
	"dip/tools/lab/kubelet"
)

const (
	restageContainer = "restage"
	restageBytes     = 120 << 20 // content: more than the function of events may take at once
	restageLimit     = 8 * time.Minute
	piecesFirst      = 20 // pieces that are there when the job is killed
)

// restage lands two gzips that no function may take, kills the jobs that work on them halfway, and has both certified.
func (l *Lab) restage(ctx context.Context) ([]string, error) {
	began := time.Now()
	var ids []string
	for i, name := range []string{"one", "two"} {
		id, err := l.land(ctx, "events/restage-"+name+".ndjson.gz", "events", contract.Gzip,
			sample.Options{Bytes: restageBytes, Seed: uint64(i + 1), BadShare: 0.001})
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	pieces, killed, err := l.killRestages(ctx, ids[0], began)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, id := range ids {
		o, err := l.certified(ctx, id, restageLimit)
		if err != nil {
			return nil, err
		}
		if o.chunks < 2 {
			return nil, fmt.Errorf("load %s of %s has %d chunk: it was not restaged", id, o.progress.Key, o.chunks)
		}
		found = append(found, fmt.Sprintf("%s, %s: %d chunks, certified in %s", o.progress.Key,
			terminal.Bytes(o.progress.Bytes), o.chunks, terminal.Duration(o.took)))
	}
	jobs := 0
	for _, e := range l.Cluster.Containers.since(restageContainer, began) {
		if e.Kind == kubelet.Started {
			jobs++
		}
	}
	return append(found, fmt.Sprintf("%d jobs got SIGKILL when %d pieces were recorded; %d ran in all", killed, pieces,
		jobs)), nil
}

// killRestages kills all running jobs once some pieces of a load are recorded.
func (l *Lab) killRestages(ctx context.Context, id string, began time.Time) (pieces, killed int, err error) {
	s := l.Stack.Client()
	err = await(ctx, restageLimit, "the first pieces of a restage", func(ctx context.Context) (bool, error) {
		p, err := client.Read(ctx, s.Ledger, id)
		if err != nil {
			return false, nil //nolint:nilerr // the load is not there yet
		}
		pieces = len(p.States) - 1 // but the restage itself
		return pieces >= piecesFirst, nil
	})
	if err != nil {
		return 0, 0, err
	}
	for pid := range running(l.Cluster.Containers.since(restageContainer, began)) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return 0, 0, fmt.Errorf("kill the restage job: %w", err)
		}
		killed++
	}
	if killed == 0 {
		return 0, 0, errors.New("no restage job was left to kill")
	}
	return pieces, killed, nil
}
