package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// logRecord is one line of a function's log file, in the shape of Lambda's Telemetry API: `type` is `function` for
// the function's output (`record` is the line, or the object if the line is JSON), `platform.start`,
// `platform.report` and `platform.initReport` for Lambda's own records.
type logRecord struct {
	Time      string `json:"time"`
	Type      string `json:"type"`
	Version   string `json:"version"`
	Instance  string `json:"instance"`
	RequestID string `json:"requestId,omitempty"`
	Record    any    `json:"record"`
}

// reportRecord is the record of `platform.report`: the usage of one invocation.
type reportRecord struct {
	Status  string        `json:"status"`
	Error   string        `json:"errorType,omitempty"`
	Metrics reportMetrics `json:"metrics"`
}

type reportMetrics struct {
	DurationMs       float64 `json:"durationMs"`
	BilledDurationMs int64   `json:"billedDurationMs"`
	InitDurationMs   float64 `json:"initDurationMs,omitempty"`
	MemorySizeMB     int     `json:"memorySizeMB"`
	MaxMemoryUsedMB  int     `json:"maxMemoryUsedMB"`
}

// LogFile is the log of a function under Options.LogDir.
func LogFile(logDir, function string) string { return filepath.Join(logDir, function+".jsonl") }

// logFiles are the open logs by function.
type logFiles struct {
	dir   string
	mu    sync.Mutex
	files map[string]*logFile
}

type logFile struct {
	mu   sync.Mutex
	file *os.File
}

func (l *logFiles) open(function string) (*logFile, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.files[function]; f != nil {
		return f, nil
	}
	file, err := os.OpenFile(LogFile(l.dir, function), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of function %s: %w", function, err)
	}
	f := &logFile{file: file}
	l.files[function] = f
	return f, nil
}

func (l *logFiles) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.file.Close())
	}
	clear(l.files)
	return errors.Join(errs...)
}

// write appends a record. A full disk must not stop the function: the record is then lost, as on AWS.
func (f *logFile) write(r logRecord) {
	r.Time = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	line, err := json.Marshal(r)
	if err != nil {
		line, _ = json.Marshal(logRecord{Time: r.Time, Type: r.Type, Version: r.Version, Record: fmt.Sprint(r.Record)})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_, _ = f.file.Write(append(line, '\n'))
}

// maxLogLine is where a line is cut, in bytes: CloudWatch's limit for an event.
const maxLogLine = 256 << 10

// lineWriter splits a process's output into lines. The process writes through one pipe, so calls are serial.
type lineWriter struct {
	pending []byte
	emit    func(line []byte)
}

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		w.emit(append(w.pending, p[:i]...))
		w.pending = w.pending[:0]
		p = p[i+1:]
	}
	w.pending = append(w.pending, p...)
	if len(w.pending) > maxLogLine {
		w.flush()
	}
	return n, nil
}

func (w *lineWriter) flush() {
	if len(w.pending) > 0 {
		w.emit(w.pending)
		w.pending = w.pending[:0]
	}
}

// recordOf is the record of a printed line: the object itself if it is one.
func recordOf(line []byte) any {
	if len(line) > 1 && line[0] == '{' && json.Valid(line) {
		return json.RawMessage(bytes.Clone(line))
	}
	return string(line)
}
