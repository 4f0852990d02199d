package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dip/config"
	"dip/contract"
)

// pages are the repository's Markdown files.
func pages(t *testing.T) map[string]string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-co", "--exclude-standard", "*.md")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("list the pages: %v", err)
	}
	all := map[string]string{}
	for _, name := range strings.Fields(string(out)) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}

var (
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	// documented begins a setting's row of configuration.md.
	documented = regexp.MustCompile("(?m)^\\| `([^`]+)`<br>")
	setting    = regexp.MustCompile("`([a-zA-Z]+(?:\\.[a-zA-Z<>-]+(?:\\[\\])?)+)`")
)

// anchors are the fragments of a page's headings, as GitHub makes them.
func anchors(text string) (list []string) {
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		kept := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		list = append(list, strings.ReplaceAll(kept, " ", "-"))
	}
	return list
}

func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for page, text := range all {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target, fragment, _ := strings.Cut(m[1], "#")
			at := page
			if target != "" {
				at = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, at)); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if fragment != "" && !slices.Contains(anchors(all[at]), fragment) {
				t.Errorf("%s links to %s: no such heading", page, m[1])
			}
		}
	}
}

// Settings carry their whole path, and are there.
func TestPagesNameSettingsThatExist(t *testing.T) {
	all := pages(t)
	paths := map[string]bool{}
	for _, m := range documented.FindAllStringSubmatch(all["docs/configuration.md"], -1) {
		at := strings.ReplaceAll(general(m[1]), "[]", "")
		for paths[at] = true; strings.Contains(at, "."); paths[at] = true {
			at = at[:strings.LastIndexByte(at, '.')]
		}
	}
	if len(paths) < 50 {
		t.Fatalf("docs/configuration.md has %d settings", len(paths))
	}
	leaves := map[string]bool{}
	for p := range paths {
		leaves[p[strings.LastIndexByte(p, '.')+1:]] = true
	}
	for page, text := range all {
		text = fence.ReplaceAllString(text, "")
		for _, m := range setting.FindAllStringSubmatch(text, -1) {
			first, _, _ := strings.Cut(m[1], ".")
			known := paths[strings.ReplaceAll(general(m[1]), "[]", "")]
			if paths[first] && !known && !notSetting.MatchString(m[1]) {
				t.Errorf("%s names the setting %s, which does not exist", page, m[1])
			}
		}
		for _, m := range regexp.MustCompile("`([a-z]+[A-Z][A-Za-z]*)`").FindAllStringSubmatch(text, -1) {
			if leaves[m[1]] && !paths[m[1]] && page != "docs/configuration.md" {
				t.Errorf("%s names the setting %s without its path", page, m[1])
			}
		}
	}
}

// notSetting is what looks like a setting: names of packages with an exported name.
var notSetting = regexp.MustCompile(`^[a-z]+\.[A-Z]`)

var named = regexp.MustCompile(`^(segments|nodeGroups|functions|cluster\.access)\.[^.]+`)

// general puts <name> where a setting's path has the name of a segment, group or function.
func general(setting string) string {
	return named.ReplaceAllString(setting, "$1.<name>")
}

// The certificate's page explains each field that a certificate may have.
func TestCertificatePageNamesEveryField(t *testing.T) {
	text := pages(t)["docs/certificate.md"]
	var check func(reflect.Type)
	check = func(s reflect.Type) {
		for s.Kind() == reflect.Slice || s.Kind() == reflect.Pointer {
			s = s.Elem()
		}
		if s.Kind() != reflect.Struct || s == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range s.NumField() {
			name, _, _ := strings.Cut(s.Field(i).Tag.Get("json"), ",")
			if name != "" && !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`"+name+"[]`") {
				t.Errorf("docs/certificate.md does not explain %s of %s", name, s)
			}
			check(s.Field(i).Type)
		}
	}
	check(reflect.TypeFor[contract.Certificate]())
	check(reflect.TypeFor[contract.Rejected]())
}

// Whoever is woken by an alarm finds its section in the runbook.
func TestRunbookExplainsEveryAlarm(t *testing.T) {
	sections := anchors(pages(t)["docs/runbook.md"])
	for _, e := range config.Environments {
		stack := stackOf(t, e)
		for name, s := range stack.Segments {
			s.Deadline = config.Duration(time.Hour)
			stack.Segments[name] = s
		}
		for _, a := range stack.Alarms() {
			if !slices.Contains(sections, a.Runbook) {
				t.Errorf("%s: alarm %s: docs/runbook.md has no section %s", e, a.Name, a.Runbook)
			}
		}
	}
}
