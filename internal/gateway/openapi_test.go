package gateway

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// description is the part of OpenAPI that the tests compare.
type description struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]any
			Headers map[string]any
		}
	}
	Components struct {
		Schemas map[string]struct {
			Required   []string
			Properties map[string]any
		}
	}
}

func described(t testing.TB) description {
	t.Helper()
	var d description
	if err := json.Unmarshal([]byte(openAPI), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// checkDocumented checks that an answer's status, media type and Retry-After are described.
func checkDocumented(t testing.TB, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	path := r.URL.Path
	if strings.HasPrefix(path, "/v1/segments/") {
		path = "/v1/segments/{segment}/records"
		if strings.Contains(r.URL.Path, "/loads/") {
			path = "/v1/segments/{segment}/loads/{name}"
		}
	}
	of, ok := described(t).Paths[path]
	if !ok && w.Code == http.StatusNotFound {
		return
	}
	operation, ok := of[strings.ToLower(r.Method)]
	if !ok { // answered 405, which each operation of a path has
		for _, operation = range of {
			break
		}
	}
	if len(of) > 0 {
		answer, ok := operation.Responses[strconv.Itoa(w.Code)]
		kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		if _, is := answer.Content[kind]; !ok || !is {
			t.Errorf("%s %s: %d with %s is not described", r.Method, path, w.Code, kind)
		}
		if _, is := answer.Headers["Retry-After"]; w.Code >= 400 && is != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s %s: %d: Retry-After is described: %t", r.Method, path, w.Code, is)
		}
	}
}

// The document has the routes that there are, and the fields of the answers.
func TestOpenAPI(t *testing.T) {
	d := described(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s", d.OpenAPI)
	}
	var got, want []string
	for path, operations := range d.Paths {
		for method := range operations {
			got = append(got, strings.ToUpper(method)+" "+path)
		}
	}
	for _, r := range (&Gateway{}).routes() {
		want = append(want, r.method+" "+r.path)
	}
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("the document has %q, the gateway %q", got, want)
	}
	for name, value := range map[string]any{"Answer": Answer{}, "Problem": Problem{}, "Result": Result{}, "Load": Load{},
		"Upload": Upload{}, "PartUpload": PartUpload{}} {
		var fields, required []string
		kind := reflect.TypeOf(value)
		for i := range kind.NumField() {
			field, options, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if field == "" {
				continue
			}
			fields = append(fields, field)
			if options == "" {
				required = append(required, field)
			}
		}
		schema := d.Components.Schemas[name]
		slices.Sort(fields)
		if properties := slices.Sorted(maps.Keys(schema.Properties)); !slices.Equal(properties, fields) ||
			!slices.Equal(schema.Required, required) {
			t.Errorf("%s has %q, of these always %q; the document %q and %q", name, fields, required, properties,
				schema.Required)
		}
	}
}

func TestOpenAPIIsServed(t *testing.T) {
	in(t, &fake{}, func(t *testing.T, g *Gateway) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil)
		g.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.String() != openAPI {
			t.Errorf("%d %.100s", w.Code, w.Body)
		}
		checkDocumented(t, r, w)
	})
}
