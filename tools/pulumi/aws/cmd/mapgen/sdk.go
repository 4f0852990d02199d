package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// sdk is what the source of the Pulumi aws Go SDK says.
type sdk struct {
	pkgs      map[string]*pkg // by folder below the root; the root is "."
	resources map[string]*sdkResource
	functions map[string]*sdkFunction
}

type pkg struct {
	dir     string
	structs map[string]*ast.StructType
	imports map[string]string // local name to folder below the root
}

// property is one property of an SDK struct: its Go type, seen from its package.
type property struct {
	name string
	typ  ast.Expr
	pkg  *pkg
}

type sdkResource struct {
	kind     string              // Go type, e.g. Queue
	state    map[string]property // all properties
	inputs   map[string]property
	required map[string]bool // Go names of the inputs that the SDK insists on
	pkg      *pkg
}

type sdkFunction struct {
	args, result string // Go types
	pkg          *pkg
	props        map[string]property // arguments and results
}

const sdkRoot = "github.com/pulumi/pulumi-aws/sdk/v6/go/aws"

// loadSDK parses all Go files below root, the folder go/aws of the SDK.
func loadSDK(root string) (*sdk, error) {
	s := &sdk{pkgs: map[string]*pkg{}, resources: map[string]*sdkResource{}, functions: map[string]*sdkFunction{}}
	var files []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go") {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the SDK's source: %w", err)
	}
	if err := s.parse(root, files); err != nil {
		return nil, err
	}
	for _, r := range s.resources {
		r.state = r.pkg.properties(r.kind) // outputs; the state struct has the plain types
		maps.Copy(r.state, r.pkg.properties(r.pkg.private(r.kind+"State")))
		r.inputs = r.pkg.properties(r.pkg.private(r.kind + "Args"))
	}
	for _, f := range s.functions {
		f.props = f.pkg.properties(f.args)
		maps.Copy(f.props, f.pkg.properties(f.result))
	}
	return s, nil
}

func (s *sdk) parse(root string, files []string) error {
	var (
		mu    sync.Mutex
		first error
		wg    sync.WaitGroup
		queue = make(chan string)
		fset  = token.NewFileSet()
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for name := range queue {
				f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
				mu.Lock()
				if err == nil {
					var rel string
					if rel, err = filepath.Rel(root, filepath.Dir(name)); err == nil {
						s.add(filepath.ToSlash(rel), f)
					}
				}
				if err != nil && first == nil {
					first = fmt.Errorf("read the SDK's source: %w", err)
				}
				mu.Unlock()
			}
		})
	}
	for _, f := range files {
		queue <- f
	}
	close(queue)
	wg.Wait()
	return first
}

func (s *sdk) add(dir string, f *ast.File) {
	p := s.pkgs[dir]
	if p == nil {
		p = &pkg{dir: dir, structs: map[string]*ast.StructType{}, imports: map[string]string{}}
		s.pkgs[dir] = p
	}
	for _, im := range f.Imports {
		full := unquote(im.Path.Value)
		if rest, ok := strings.CutPrefix(full, sdkRoot); ok {
			name := path.Base(full)
			if im.Name != nil {
				name = im.Name.Name
			}
			p.imports[name] = path.Join(".", strings.TrimPrefix(rest, "/"))
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, sp := range d.Specs {
				if ts, ok := sp.(*ast.TypeSpec); ok {
					if st, ok := ts.Type.(*ast.StructType); ok {
						p.structs[ts.Name.Name] = st
					}
				}
			}
		case *ast.FuncDecl:
			if d.Body != nil && d.Recv == nil {
				s.addFunc(p, d)
			}
		}
	}
}

// addFunc finds the constructors (which call RegisterResource with the token)
// and the functions (which call Invoke).
func (s *sdk) addFunc(p *pkg, d *ast.FuncDecl) {
	required := map[string]bool{}
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			if arg := insistsOn(n); arg != "" {
				required[arg] = true
			}
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) == 0 {
				return true
			}
			lit, ok := n.Args[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			tok := unquote(lit.Value)
			switch sel.Sel.Name {
			case "RegisterResource":
				s.resources[tok] = &sdkResource{kind: strings.TrimPrefix(d.Name.Name, "New"), pkg: p, required: required}
			case "Invoke":
				s.functions[tok] = &sdkFunction{pkg: p, args: paramType(d, "args"), result: resultType(d)}
			}
		}
		return true
	})
}

// insistsOn returns X of `if args.X == nil { return ... }`.
func insistsOn(n *ast.IfStmt) string {
	b, ok := n.Cond.(*ast.BinaryExpr)
	if !ok || b.Op != token.EQL || len(n.Body.List) == 0 {
		return ""
	}
	sel, ok := b.X.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if id, ok := b.Y.(*ast.Ident); !ok || id.Name != "nil" {
		return ""
	}
	if _, ok := n.Body.List[0].(*ast.ReturnStmt); !ok {
		return ""
	}
	return sel.Sel.Name
}

func paramType(d *ast.FuncDecl, name string) string {
	for _, f := range d.Type.Params.List {
		if len(f.Names) == 1 && f.Names[0].Name == name {
			return pointee(f.Type)
		}
	}
	return ""
}

func resultType(d *ast.FuncDecl) string {
	if d.Type.Results == nil || len(d.Type.Results.List) == 0 {
		return ""
	}
	return pointee(d.Type.Results.List[0].Type)
}

func pointee(e ast.Expr) string {
	if st, ok := e.(*ast.StarExpr); ok {
		if id, ok := st.X.(*ast.Ident); ok {
			return id.Name
		}
	}
	return ""
}

// unquote undoes the quotes of a literal that the Go parser accepted.
func unquote(lit string) string {
	s, err := strconv.Unquote(lit)
	if err != nil {
		return lit
	}
	return s
}

// private finds the struct that has the plain types of an exported one: its name
// begins in lower case, by rules of the SDK's generator (IPSet: ipsetState).
func (p *pkg) private(name string) string {
	for s := range p.structs {
		if strings.EqualFold(s, name) && !ast.IsExported(s) {
			return s
		}
	}
	return ""
}

// properties reads the `pulumi:"name"` tags of a struct. A struct that the SDK
// does not have gives none.
func (p *pkg) properties(structName string) map[string]property {
	m := map[string]property{}
	st := p.structs[structName]
	if st == nil {
		return m
	}
	for _, f := range st.Fields.List {
		if f.Tag == nil {
			continue
		}
		name, _, _ := strings.Cut(reflect.StructTag(unquote(f.Tag.Value)).Get("pulumi"), ",")
		if name != "" {
			m[name] = property{name: name, typ: f.Type, pkg: p}
		}
	}
	return m
}

// shape is a Go type, reduced to what matters for the mapping.
type shape struct {
	kind string // scalar, any, archive, asset, list, map or object
	elem *shape // list and map
	obj  map[string]property
}

func (s *sdk) shape(p *pkg, e ast.Expr) *shape {
	switch x := e.(type) {
	case *ast.StarExpr:
		return s.shape(p, x.X)
	case *ast.ArrayType:
		return &shape{kind: "list", elem: s.shape(p, x.Elt)}
	case *ast.MapType:
		return &shape{kind: "map", elem: s.shape(p, x.Value)}
	case *ast.InterfaceType:
		return &shape{kind: "any"}
	case *ast.Ident:
		if x.Name == "any" {
			return &shape{kind: "any"}
		}
		if p.structs[x.Name] != nil {
			return &shape{kind: "object", obj: p.properties(x.Name)}
		}
	case *ast.SelectorExpr:
		q, ok := x.X.(*ast.Ident)
		if !ok {
			break
		}
		switch q.Name + "." + x.Sel.Name {
		case "pulumi.Archive":
			return &shape{kind: "archive"}
		case "pulumi.Asset", "pulumi.AssetOrArchive":
			return &shape{kind: "asset"}
		}
		if other := s.pkgs[p.imports[q.Name]]; other != nil {
			return s.shape(other, x.Sel)
		}
	}
	return &shape{kind: "scalar"}
}
