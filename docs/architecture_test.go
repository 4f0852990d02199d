// Package docs holds the tests of this folder's pages: what they say of the repository is what the repository has.
package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dip/contract"
)

// room is a section of architecture.md: packages with one purpose and one rule of what they may import.
type room struct {
	name     string
	packages []string
	allowed  []string // patterns of import paths, as `dir/...`; without the module's prefix
	rooms    []string // names of the rooms whose packages may be imported
}

const root = ".."

var (
	entry   = regexp.MustCompile("^\\| `([^`]+)` \\| (.*) \\|$")
	quoted  = regexp.MustCompile("`([^`]+)`")
	italics = regexp.MustCompile(`\*([^*]+)\*`)
)

// rooms reads architecture.md.
func rooms(t *testing.T) []room {
	t.Helper()
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []room
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "### "); ok {
			all = append(all, room{name: name})
			continue
		}
		if len(all) == 0 {
			continue
		}
		r := &all[len(all)-1]
		if rule, ok := strings.CutPrefix(line, "May import: "); ok {
			r.allowed, r.rooms = found(quoted, rule), found(italics, rule)
		}
		if m := entry.FindStringSubmatch(line); m != nil {
			if len(m[2]) < 10 {
				t.Errorf("%s: says nothing", m[1])
			}
			r.packages = append(r.packages, m[1])
		}
	}
	return all
}

func found(pattern *regexp.Regexp, text string) (words []string) {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		words = append(words, m[1])
	}
	return words
}

// packages are the folders of the repository, all modules included, that hold Go code or a module, each with the paths
// that its code without tests imports. "." is the root.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		skipped := strings.ContainsAny(e.Name()[:1], "._") || slices.Contains([]string{"testdata", "node_modules"}, e.Name())
		switch {
		case e.IsDir() && skipped && file != root:
			return fs.SkipDir
		case e.IsDir() || !(e.Name() == "go.mod" || strings.HasSuffix(e.Name(), ".go")):
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(rel)
		if name, ok := strings.CutPrefix(dir, "lambdas/"); ok && !slices.Contains(contract.SystemFunctions, name) &&
			!slices.Contains(contract.StreamFunctions, name) &&
			!slices.Contains([]string{contract.Gateway, contract.RolloutFunction, contract.Maintenance}, name) {
			dir = "lambdas/<segment>" // one line for all, so that a segment can be added without this page
		}
		all[dir] = append(all[dir], imports(t, file)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// imports lists what a file imports beside the standard library.
func imports(t *testing.T, file string) (list []string) {
	t.Helper()
	if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
		return nil
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(name, "/"); first == "dip" || strings.Contains(first, ".") {
			list = append(list, name)
		}
	}
	return list
}

// Each package has its line, and each line its package.
func TestArchitectureListsEveryPackage(t *testing.T) {
	listed := map[string]string{}
	for _, r := range rooms(t) {
		for _, p := range r.packages {
			if listed[p] != "" {
				t.Errorf("%s is listed twice: in %s and in %s", p, listed[p], r.name)
			}
			listed[p] = r.name
		}
	}
	there := packages(t)
	for _, p := range slices.Sorted(maps.Keys(there)) {
		if listed[p] == "" {
			t.Errorf("architecture.md has no line for %s", p)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(listed)) {
		if _, ok := there[p]; !ok {
			t.Errorf("architecture.md lists %s, which does not exist", p)
		}
	}
}

// What a room may import is what its packages do import, and no more.
func TestArchitectureStatesTheBoundaries(t *testing.T) {
	there, all := packages(t), rooms(t)
	for _, r := range all {
		allowed := slices.Clone(r.allowed)
		for _, name := range r.rooms {
			i := slices.IndexFunc(all, func(r room) bool { return r.name == name })
			if i < 0 {
				t.Errorf("%s: may import %s, which is not a room", r.name, name)
				continue
			}
			allowed = append(allowed, all[i].packages...)
		}
		used := map[string]bool{}
		for _, p := range r.packages {
			for _, name := range there[p] {
				i := slices.IndexFunc(allowed, func(pattern string) bool { return matches(pattern, name) })
				if i < 0 {
					t.Errorf("%s imports %s, which %q may not", p, name, r.name)
					continue
				}
				used[allowed[i]] = true
			}
		}
		for _, pattern := range r.allowed {
			if !used[pattern] {
				t.Errorf("%q may import %s, and nothing does", r.name, pattern)
			}
		}
	}
}

// matches tells whether an import path is one of a pattern's: itself, or with "/..." anything at and below.
func matches(pattern, name string) bool {
	name = strings.TrimPrefix(name, "dip/")
	if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == dir || strings.HasPrefix(name, dir+"/")
	}
	return name == path.Clean(pattern)
}
