package contract

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestQuarantine(t *testing.T) {
	const lines = `{"chunk":1}` + "\n" + `{"chunk":2}` + "\n"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(z, lines); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, stored := range map[string]string{"old": lines, "compressed": zipped.String()} {
		r, err := Quarantine(iotest.OneByteReader(strings.NewReader(stored)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != lines {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := Quarantine(strings.NewReader("damaged")); err == nil {
		t.Error("what is neither was read")
	}
	reset := errors.New("reset")
	r, err := Quarantine(iotest.ErrReader(reset))
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, reset) {
		t.Errorf("got %v", err)
	}
}
