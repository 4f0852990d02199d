package send

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Files is a Journal in two files: the state, and the refused records, one JSON object a line.
type Files struct {
	State   string // path; "": there is no state
	Refused string // path; the file is there if a record was refused

	size int64
}

// Open reads the state of an earlier run on the same source and segment; without one, it is where an input begins. The
// file of refused records is cut to what the state says.
func (f *Files) Open(source, segment string) (State, error) {
	s := State{Source: source, Segment: segment}
	if f.State != "" {
		data, err := os.ReadFile(f.State)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return s, fmt.Errorf("read how far the last run was: %w", err)
		default:
			var old State
			if err := json.Unmarshal(data, &old); err != nil {
				return s, fmt.Errorf("read how far the last run was: %s: %w", f.State, err)
			}
			if old.Source != source || old.Segment != segment {
				return s, fmt.Errorf("%s is of another content or segment (%s): the file has changed since it was sent; "+
					"send what is new as a file of its own, or remove %s to send all of it", f.State, old.Segment, f.State)
			}
			s = old
		}
	}
	f.size = s.RefusedBytes
	err := os.Truncate(f.Refused, f.size)
	if errors.Is(err, fs.ErrNotExist) && f.size == 0 {
		err = nil
	}
	if err != nil {
		return s, fmt.Errorf("%s, which has the refused records: %w", f.Refused, err)
	}
	return s, nil
}

// Save appends the refused records and then replaces the state.
func (f *Files) Save(s State, refused []Refused) error {
	if err := f.append(refused); err != nil {
		return err
	}
	if f.State == "" {
		return nil
	}
	s.RefusedBytes = f.size
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(f.State), ".dip-send-*")
	if err != nil {
		return err
	}
	_, err = part.Write(append(data, '\n'))
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), f.State)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}

func (f *Files) append(refused []Refused) error {
	if len(refused) == 0 {
		return nil
	}
	var lines []byte
	for _, r := range refused {
		data, err := json.Marshal(r)
		if err != nil {
			return err
		}
		lines = append(append(lines, data...), '\n')
	}
	file, err := os.OpenFile(f.Refused, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(lines, f.size)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		f.size += int64(len(lines))
	}
	return err
}
