package compile

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
)

// moduleFile is the part of `go mod edit -json` that says which modules a build needs. In a tidy file of Go 1.17 or
// later these are all of them, but for a few that only serve other platforms.
type moduleFile struct {
	Require []module
	Replace []struct{ Old, New module }
}

type module struct{ Path, Version string }

// absent counts the modules that a go.mod requires and the folder of downloaded modules lacks.
func absent(file []byte, cache string, exists func(dir string) bool) (int, error) {
	var f moduleFile
	if err := json.Unmarshal(file, &f); err != nil {
		return 0, fmt.Errorf("read what go mod edit says: %w", err)
	}
	count := 0
	for _, m := range f.Require {
		for _, r := range f.Replace {
			if r.Old.Path == m.Path && (r.Old.Version == "" || r.Old.Version == m.Version) {
				m = r.New
			}
		}
		if m.Version != "" && !exists(filepath.Join(cache, escape(m.Path)+"@"+escape(m.Version))) { // else it is a folder
			count++
		}
	}
	return count, nil
}

// escape writes a path as the module cache does, for file systems that ignore case: !a for A.
func escape(path string) string {
	var b strings.Builder
	for _, r := range path {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
