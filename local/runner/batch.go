package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// errBatchFailed reports a response that fails its whole batch.
var errBatchFailed = errors.New("the whole batch failed")

// batchFailures reads a partial batch response: the ids that failed, none for a complete success. Any other response,
// and an id that is empty, missing or not in the batch, fails the whole batch
// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
func batchFailures(response []byte, inBatch func(id string) bool) (map[string]bool, error) {
	if len(bytes.TrimSpace(response)) == 0 {
		return nil, nil
	}
	var parsed *struct {
		BatchItemFailures []map[string]*string `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(response, &parsed); err != nil {
		return nil, fmt.Errorf("%w: the response is not a list of failed items: %w", errBatchFailed, err)
	}
	if parsed == nil {
		return nil, nil
	}
	ids := map[string]bool{}
	for _, item := range parsed.BatchItemFailures {
		id := item["itemIdentifier"] // exactly this spelling
		if id == nil || *id == "" {
			return nil, fmt.Errorf("%w: an item failure has no itemIdentifier", errBatchFailed)
		}
		if !inBatch(*id) {
			return nil, fmt.Errorf("%w: itemIdentifier %q is not in the batch", errBatchFailed, *id)
		}
		ids[*id] = true
	}
	return ids, nil
}
