package verify

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	_ "time/tzdata" // for hosts without zone files
)

// Every case has the same outcome wherever it runs, on a laptop or in a function.
func TestCasesInOtherZones(t *testing.T) {
	for _, zone := range []string{"UTC", "America/New_York", "Asia/Kolkata"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^(TestCases|TestNDJSONVerifies)$", "-test.count=1")
		cmd.Env = append(os.Environ(), "TZ="+zone)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("TZ=%s: %v\n%s", zone, err, out)
		}
	}
}

// What reads the zone of the host: time.Parse looks zone names up in it, and a time of time.Unix is in it until UTC is
// called.
func TestNoValueReadsTheZoneOfTheHost(t *testing.T) {
	files := 0
	for _, folder := range []string{"../../tableschema", "../record", "../parquet", "../chunk", "../plan", "../process",
		"../restage", "."} {
		sources, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range sources {
			if strings.HasSuffix(source, "_test.go") {
				continue
			}
			files++
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, source, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range zoned(tree) {
				t.Errorf("%s: reads the zone of the host: use time.ParseInLocation with time.UTC, and UTC()", set.Position(at))
			}
		}
	}
	if files < 40 {
		t.Errorf("only %d files were looked at", files)
	}
}

// zoned are the places of a file that read the zone of the host.
func zoned(tree ast.Node) (places []token.Pos) {
	inUTC := map[ast.Node]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if call, ok := s.X.(*ast.CallExpr); ok && s.Sel.Name == "UTC" {
			inUTC[call.Fun] = true
		}
		name := s.Sel.Name
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
			unix := (name == "Unix" || name == "UnixMicro" || name == "UnixMilli") && !inUTC[s]
			if unix || name == "Parse" || name == "Local" || name == "LoadLocation" {
				places = append(places, s.Pos())
			}
		} else if name == "Local" {
			places = append(places, s.Pos())
		}
		return true
	})
	return places
}

func TestZoned(t *testing.T) {
	for body, want := range map[string]int{
		`time.Parse("", "")`: 1, `time.Local.String()`: 1, `time.Now().Local()`: 1, `time.Unix(0, 0).Date()`: 1,
		`time.UnixMicro(0)`: 1, `time.LoadLocation("")`: 1,
		`time.Unix(0, 0).UTC().Date()`: 0, `time.ParseInLocation("", "", time.UTC)`: 0, `at.Unix()`: 0,
	} {
		tree, err := parser.ParseExpr(body)
		if err != nil {
			t.Fatal(err)
		}
		if got := zoned(tree); len(got) != want {
			t.Errorf("%s: %d places, want %d", body, len(got), want)
		}
	}
}
