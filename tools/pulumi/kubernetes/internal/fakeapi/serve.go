package fakeapi

import (
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func (a *API) serve(w http.ResponseWriter, req *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.discover(w, req.URL.Path) {
		return
	}
	for _, r := range a.resources {
		if at := path.Dir(req.URL.Path); matches(r, at) {
			a.serveObject(w, req, r)
			return
		}
		if matches(r, req.URL.Path) {
			a.list(w, req)
			return
		}
	}
	answer(w, http.StatusNotFound, notFound("the path "+req.URL.Path))
}

// matches reports whether a path is that of a resource's objects, in any namespace.
func matches(r resource, at string) bool {
	parts := strings.Split(at, "/")
	i := slices.Index(parts, "namespaces")
	namespace := ""
	if r.namespaced && i > 0 && len(parts) > i+1 {
		namespace = parts[i+1]
	}
	return at == r.path(namespace)
}

func (a *API) discover(w http.ResponseWriter, at string) bool {
	switch at {
	case "/api":
		answer(w, http.StatusOK, v1.APIVersions{TypeMeta: v1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
		return true
	case "/apis":
		groups := v1.APIGroupList{TypeMeta: v1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		for _, r := range a.resources {
			group, version, ok := strings.Cut(r.groupVersion, "/")
			if ok && !slices.ContainsFunc(groups.Groups, func(g v1.APIGroup) bool { return g.Name == group }) {
				v := v1.GroupVersionForDiscovery{GroupVersion: r.groupVersion, Version: version}
				groups.Groups = append(groups.Groups,
					v1.APIGroup{Name: group, Versions: []v1.GroupVersionForDiscovery{v}, PreferredVersion: v})
			}
		}
		answer(w, http.StatusOK, groups)
		return true
	}
	gv := strings.TrimPrefix(strings.TrimPrefix(at, "/apis/"), "/api/")
	list := v1.APIResourceList{TypeMeta: v1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv}
	for _, r := range a.resources {
		if r.groupVersion == gv {
			list.APIResources = append(list.APIResources,
				v1.APIResource{Name: r.plural, Kind: r.kind, Namespaced: r.namespaced, Verbs: v1.Verbs{"get"}})
		}
	}
	if len(list.APIResources) == 0 {
		return false
	}
	answer(w, http.StatusOK, list)
	return true
}

func (a *API) serveObject(w http.ResponseWriter, req *http.Request, r resource) {
	live := a.objects[req.URL.Path]
	dryRun := req.URL.Query().Get("dryRun") == "All"
	switch req.Method {
	case http.MethodGet:
		if live == nil {
			answer(w, http.StatusNotFound, notFound(req.URL.Path))
			return
		}
		answer(w, http.StatusOK, live.Object)
	case http.MethodPatch:
		o := &Object{}
		if err := json.NewDecoder(req.Body).Decode(&o.Object); err != nil {
			answer(w, http.StatusBadRequest, Status(http.StatusBadRequest, v1.StatusReasonBadRequest, err.Error()))
			return
		}
		if refused := a.refuses(req.Method, o, dryRun); refused != nil {
			answer(w, int(refused.Code), refused)
			return
		}
		if r.namespaced && a.objects["/api/v1/namespaces/"+nsOf(req.URL.Path)] == nil {
			answer(w, http.StatusNotFound, notFound("the namespace "+nsOf(req.URL.Path)))
			return
		}
		answer(w, http.StatusOK,
			a.apply(req.URL.Path, r.namespaced, req.URL.Query().Get("fieldManager"), live, o, dryRun).Object)
	case http.MethodDelete:
		if live == nil {
			answer(w, http.StatusNotFound, notFound(req.URL.Path))
			return
		}
		if refused := a.refuses(req.Method, live, dryRun); refused != nil {
			answer(w, int(refused.Code), refused)
			return
		}
		a.writes = append(a.writes, "DELETE "+live.GetKind()+" "+live.GetName())
		if len(live.GetFinalizers()) > 0 {
			now := v1.NewTime(time.Unix(0, 0))
			live.SetDeletionTimestamp(&now)
		} else {
			delete(a.objects, req.URL.Path)
			delete(a.applied, req.URL.Path)
		}
		answer(w, http.StatusOK, Status(http.StatusOK, "", ""))
	}
}

func nsOf(at string) string {
	parts := strings.Split(at, "/")
	return parts[slices.Index(parts, "namespaces")+1]
}

func (a *API) refuses(method string, o *Object, dryRun bool) *v1.Status {
	if a.Refuse == nil {
		return nil
	}
	return a.Refuse(method, o.DeepCopy(), dryRun)
}

// apply merges what is applied into what is there, less what was applied before and is not any more.
func (a *API) apply(at string, namespaced bool, by string, live, o *Object, dryRun bool) *Object {
	merged := &Object{Object: map[string]any{}}
	if live != nil {
		merged = live.DeepCopy()
	}
	remove(merged.Object, a.applied[at], o.Object)
	merge(merged.Object, runtime.DeepCopyJSON(o.Object))
	if namespaced {
		merged.SetNamespace(nsOf(at))
	}
	merged.SetManagedFields([]v1.ManagedFieldsEntry{{Manager: by}})
	if live != nil && reflect.DeepEqual(live.Object, merged.Object) {
		return live
	}
	merged.SetGeneration(merged.GetGeneration() + 1)
	if !dryRun {
		a.store(at, merged)
		a.applied[at] = runtime.DeepCopyJSON(o.Object)
		a.writes = append(a.writes, "PATCH "+o.GetKind()+" "+o.GetName())
	}
	return merged
}

func remove(from, before, now map[string]any) {
	for k, v := range before {
		is, still := now[k]
		if !still {
			delete(from, k)
			continue
		}
		f, ok1 := from[k].(map[string]any)
		b, ok2 := v.(map[string]any)
		n, ok3 := is.(map[string]any)
		if ok1 && ok2 && ok3 {
			remove(f, b, n)
		}
	}
}

func merge(into, from map[string]any) {
	for k, v := range from {
		if m, ok := v.(map[string]any); ok {
			if old, ok := into[k].(map[string]any); ok {
				merge(old, m)
				continue
			}
		}
		into[k] = v
	}
}
