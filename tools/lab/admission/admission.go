// Package admission checks Kubernetes objects with an API server, as a cluster would.
package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// Checker checks objects.
type Checker struct {
	client dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
	// priorities are the classes that were applied.
	priorities map[string]bool
	warnings   *warnings
}

// New checks against an API server, in which no controllers need to run. It leaves objects there: see Check.
func New(config *rest.Config) (*Checker, error) {
	config = rest.CopyConfig(config)
	heard := &warnings{}
	config.WarningHandler = heard
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("use the API server: %w", err)
	}
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("use the API server: %w", err)
	}
	return &Checker{client: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found)),
		priorities: map[string]bool{}, warnings: heard}, nil
}

// needed are kinds without which an API server does not even look at other objects. They are applied for real.
var needed = []string{"CustomResourceDefinition", "Namespace", "PriorityClass", "ServiceAccount"}

// Check applies the objects as a dry run, those of the needed kinds for real, and, for each object that creates pods,
// such a pod too: only for pods does the API server enforce the level of pod security of their namespace. It reports
// the problems of all objects; a warning, of a version that is deprecated for example, is one too. Objects may be in
// any order.
func (c *Checker) Check(ctx context.Context, objects []*unstructured.Unstructured) error {
	var errs []error
	for _, kind := range needed {
		for _, object := range objects {
			if object.GetKind() == kind {
				errs = append(errs, c.establish(ctx, object))
			}
		}
	}
	c.mapper.Reset() // there may be new kinds
	for _, object := range objects {
		if slices.Contains(needed, object.GetKind()) {
			continue
		}
		errs = append(errs, c.apply(ctx, object, metav1.DryRunAll), c.checkPod(ctx, object))
	}
	return errors.Join(errs...)
}

func (c *Checker) apply(ctx context.Context, object *unstructured.Unstructured, dryRun ...string) error {
	resource, err := c.resource(object)
	if err != nil {
		return fmt.Errorf("%s: %w", describe(object), err)
	}
	data, err := object.MarshalJSON()
	if err != nil {
		return fmt.Errorf("%s: %w", describe(object), err)
	}
	force := true
	_, err = resource.Patch(ctx, object.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{
		FieldManager: "admission", Force: &force, FieldValidation: metav1.FieldValidationStrict, DryRun: dryRun,
	})
	warned := c.warnings.take()
	if err == nil && len(warned) > 0 {
		err = fmt.Errorf("the API server warns: %s", strings.Join(warned, "; "))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", describe(object), err)
	}
	return nil
}

func (c *Checker) resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	resources := c.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return resources.Namespace(object.GetNamespace()), nil
	}
	return resources, nil
}

const (
	// visible is how long the API server may take to see what was just applied: its parts read from caches.
	visible  = 30 * time.Second
	askEvery = 50 * time.Millisecond
)

// establish applies an object for real; a custom resource definition is established when its kind is served.
func (c *Checker) establish(ctx context.Context, object *unstructured.Unstructured) error {
	if err := c.apply(ctx, object); err != nil {
		return err
	}
	switch object.GetKind() {
	case "PriorityClass":
		c.priorities[object.GetName()] = true
		return nil
	case "CustomResourceDefinition":
		return c.awaitKind(ctx, object)
	}
	return nil
}

func (c *Checker) awaitKind(ctx context.Context, object *unstructured.Unstructured) error {
	return retry(ctx, func() (bool, error) {
		resource, err := c.resource(object)
		if err != nil {
			return false, err
		}
		now, err := resource.Get(ctx, object.GetName(), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if established(now) {
			return false, nil
		}
		return true, fmt.Errorf("%s is not established", describe(object))
	})
}

func established(definition *unstructured.Unstructured) bool {
	conditions, _, err := unstructured.NestedSlice(definition.Object, "status", "conditions")
	return err == nil && slices.ContainsFunc(conditions, func(c any) bool {
		condition, ok := c.(map[string]any)
		return ok && condition["type"] == "Established" && condition["status"] == "True"
	})
}

func (c *Checker) checkPod(ctx context.Context, object *unstructured.Unstructured) error {
	pod, err := podOf(object)
	if err != nil || pod == nil {
		return err
	}
	class, _, err := unstructured.NestedString(pod.Object, "spec", "priorityClassName")
	if err != nil {
		return fmt.Errorf("%s: %w", describe(object), err)
	}
	return retry(ctx, func() (bool, error) {
		err := c.apply(ctx, pod, metav1.DryRunAll)
		// The plugin that knows priority classes sees a new one with a delay.
		return err != nil && c.priorities[class] && strings.Contains(err.Error(), "no PriorityClass with name"), err
	})
}

// retry repeats what may fail only because it is too early.
func retry(ctx context.Context, try func() (again bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, visible)
	defer cancel()
	for {
		again, err := try()
		if !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(askEvery):
		}
	}
}
