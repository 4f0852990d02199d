package runner

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxAsyncPayload is the limit of an asynchronous request.
const maxAsyncPayload = 1 << 20

// defaultAsync configures asynchronous invocations of functions that do not.
var defaultAsync = asyncConfig{retries: 2, maxAge: 6 * time.Hour}

// Throttled asynchronous invocations are retried after a wait that doubles from the first to the second.
const (
	minThrottleWait = time.Second
	maxThrottleWait = 5 * time.Minute
)

// invokeAPI serves Lambda's Invoke
// (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html) for the emulator. Asynchronous invocations end with
// ctx.
func (r *Runner) invokeAPI(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, req *http.Request) {
		async := req.Header.Get("X-Amz-Invocation-Type") == "Event"
		limit := int64(maxPayload)
		if async {
			limit = maxAsyncPayload
		}
		payload, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
		if err != nil {
			answerError(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException",
				fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit))
			return
		}
		if !json.Valid(payload) {
			answerError(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
			return
		}
		if err := r.awaitRevision(req); err != nil {
			answerError(w, http.StatusInternalServerError, "ServiceException", err.Error())
			return
		}
		t, err := r.registry.resolve(req.PathValue("name"), req.URL.Query().Get("Qualifier"))
		if err != nil {
			answerFailure(w, err)
			return
		}
		id := newID()
		w.Header().Set("X-Amzn-RequestId", id)
		if async {
			r.background.Go(func() { r.invokeAsync(ctx, t, req.PathValue("name"), payload, id) })
			w.WriteHeader(http.StatusAccepted)
			return
		}
		out, err := r.pool.invoke(ctx, t, payload, id)
		if err != nil {
			answerFailure(w, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Amz-Executed-Version", out.version)
		if out.errorType != "" {
			h.Set("X-Amz-Function-Error", errUnhandled)
		}
		if req.Header.Get("X-Amz-Log-Type") == "Tail" {
			h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(out.logTail))
		}
		_, _ = w.Write(out.body) // a client that disconnects does not undo the invocation
	})
	return withToken(r.token, mux)
}

// awaitRevision waits until a control plane update that preceded the request has taken effect.
func (r *Runner) awaitRevision(req *http.Request) error {
	text := req.Header.Get("X-Local-Revision")
	if text == "" {
		return nil
	}
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("parse the revision of the control plane: %w", err)
	}
	return r.registry.waitFor(req.Context(), revision)
}

func answerFailure(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errNoFunction):
		answerError(w, http.StatusNotFound, "ResourceNotFoundException", err.Error())
	case errors.Is(err, errThrottled):
		answerError(w, http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
	default:
		answerError(w, http.StatusInternalServerError, "ServiceException", err.Error())
	}
}

func answerError(w http.ResponseWriter, status int, errorType, message string) {
	body, err := json.Marshal(map[string]string{"Type": "User", "message": message, "Message": message})
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-ErrorType", errorType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// invokeAsync runs an asynchronous invocation until it succeeds, its retries are used up, or it is too old; then it
// notifies the destination. Each attempt resolves the alias again, as Lambda does.
func (r *Runner) invokeAsync(ctx context.Context, t target, name string, payload []byte, id string) {
	begin := time.Now()
	failures, throttleWait := 0, minThrottleWait
	for {
		out, err := r.pool.invoke(ctx, t, payload, id)
		wait := r.opts.AsyncRetryDelay << failures
		condition := ""
		switch {
		case errors.Is(err, errClosed) || ctx.Err() != nil:
			return
		case err != nil:
			wait, throttleWait = throttleWait, min(2*throttleWait, maxThrottleWait)
			r.log.Warn("asynchronous invocation delayed", "function", t.version.function, "error", err)
		case out.errorType == "":
			r.tellDestination(ctx, t.async.onSuccess, "Success", t, out, payload, failures+1)
			return
		default:
			failures++
			if failures > t.async.retries {
				condition = "RetriesExhausted"
			}
		}
		if condition == "" && time.Since(begin)+wait > t.async.maxAge {
			condition = "EventAgeExceeded"
		}
		if condition != "" {
			r.bury(ctx, condition, t, out, payload, failures)
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		again, err := r.registry.resolve(name, t.qualifier)
		if err != nil {
			r.log.Warn("asynchronous invocation dropped", "function", t.version.function, "error", err)
			return
		}
		t = again
	}
}

// bury sends a failed event to the destination of the qualifier, or to the function's dead-letter queue.
func (r *Runner) bury(ctx context.Context, condition string, t target, out outcome, payload []byte, attempts int) {
	r.log.Error("asynchronous invocation failed", "function", t.version.function, "condition", condition, "attempts",
		attempts)
	r.tellDestination(ctx, t.async.onFailure, condition, t, out, payload, attempts)
	if arn := t.version.deadLetterARN; arn != "" {
		if err := r.deliver(ctx, delivery{arn: arn, body: payload}); err != nil {
			r.log.Error("delivery to the dead-letter queue failed", "function", t.version.function, "error", err)
		}
	}
}

// tellDestination sends the record of a finished asynchronous invocation
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
func (r *Runner) tellDestination(
	ctx context.Context, arn, condition string, t target, out outcome, payload []byte, attempts int,
) {
	if arn == "" {
		return
	}
	response := map[string]any{"statusCode": http.StatusOK, "executedVersion": out.version}
	if out.errorType != "" {
		response["functionError"] = errUnhandled
	}
	record := map[string]any{
		"version":   "1.0",
		"timestamp": r.opts.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": map[string]any{
			"requestId": out.requestID, "functionArn": r.functionARN(t), "condition": condition,
			"approximateInvokeCount": attempts,
		},
		"requestPayload":  json.RawMessage(payload),
		"responseContext": response,
	}
	if json.Valid(out.body) {
		record["responsePayload"] = json.RawMessage(out.body)
	}
	body, err := json.Marshal(record)
	if err == nil {
		err = r.deliver(ctx, delivery{arn: arn, body: body})
	}
	if err != nil {
		r.log.Error("delivery to the destination failed", "function", t.version.function, "destination", arn, "error", err)
	}
}
