package local

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// changes counts what an engine operation did, from its event log.
type changes struct {
	done, failed int
	changed      int     // resources with a change
	current      string  // name of the resource started last
	summary      Changes // at the end
	diagnostics  []string
}

// event is the part of an engine event that matters here; see apitype.EngineEvent of the Pulumi SDK.
type event struct {
	ResourcePre *struct {
		Metadata metadata `json:"metadata"`
	} `json:"resourcePreEvent"`
	ResourceDone *struct {
		Metadata metadata `json:"metadata"`
	} `json:"resOutputsEvent"`
	ResourceFailed *struct {
		Metadata metadata `json:"metadata"`
	} `json:"resOpFailedEvent"`
	Diagnostic *struct {
		URN      string `json:"urn"`
		Message  string `json:"message"`
		Severity string `json:"severity"`
	} `json:"diagnosticEvent"`
	Summary *struct {
		Changes map[string]int `json:"resourceChanges"`
	} `json:"summaryEvent"`
}

type metadata struct {
	Op  string `json:"op"`
	URN string `json:"urn"`
}

// note processes one line of the event log.
func (c *changes) note(line []byte) error {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("engine event: %w", err)
	}
	switch {
	case e.ResourcePre != nil:
		c.current = nameOf(e.ResourcePre.Metadata.URN)
	case e.ResourceDone != nil:
		c.done++
		if !unchanged[e.ResourceDone.Metadata.Op] {
			c.changed++
		}
	case e.ResourceFailed != nil:
		c.failed++
	case e.Diagnostic != nil && e.Diagnostic.Severity == "error":
		text := strings.TrimSpace(e.Diagnostic.Message)
		if e.Diagnostic.URN != "" {
			text = nameOf(e.Diagnostic.URN) + ": " + text
		}
		c.diagnostics = append(c.diagnostics, text)
	case e.Summary != nil:
		c.summary = e.Summary.Changes
	}
	return nil
}

// nameOf is the type and name of a URN: "urn:pulumi:local::dip::a$aws:s3/bucketV2:BucketV2::landing" is
// "bucketV2 landing".
func nameOf(urn string) string {
	parts := strings.Split(urn, "::")
	if len(parts) < 4 {
		return urn
	}
	kind := parts[2][strings.LastIndexByte(parts[2], '$')+1:]
	if _, rest, ok := strings.Cut(kind, "/"); ok {
		kind = rest
	}
	kind, _, _ = strings.Cut(kind, ":")
	return kind + " " + strings.Join(parts[3:], "::")
}

// String describes the progress: "57 resources, 12 changed: queue trips".
func (c *changes) String() string {
	text := fmt.Sprintf("%d resources, %d changed", c.done, c.changed)
	if c.failed > 0 {
		text += fmt.Sprintf(", %d failed", c.failed)
	}
	if c.current != "" {
		text += ": " + c.current
	}
	return text
}

// problems lists the operation's errors.
func (c *changes) problems() string {
	var b strings.Builder
	for _, d := range c.diagnostics {
		b.WriteString("  " + strings.ReplaceAll(d, "\n", "\n  ") + "\n")
	}
	return b.String()
}

// followEvery is the pause between two reads of a growing file.
const followEvery = 100 * time.Millisecond

// follow passes each complete line of a growing file after an offset to take, until ctx ends and the file is read.
func follow(ctx context.Context, path string, from int64, take func(line []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReader(f)
	var part []byte
	for {
		ended := ctx.Err() != nil
		for {
			data, err := lines.ReadBytes('\n')
			part = append(part, data...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if text := bytes.TrimSpace(part); len(text) > 0 {
				if err := take(text); err != nil {
					return err
				}
			}
			part = nil
		}
		if ended {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(followEvery):
		}
	}
}
