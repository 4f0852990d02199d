package plugin

import (
	"errors"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

var (
	errBroken       = errors.New("broken")
	errUnconfigured = errors.New("no settings")
)

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		failed []string // property: reason
		want   error
	}{
		"fine": {nil, nil, nil},
		"inputs": {
			errors.Join(&Failure{"a.b", "wrong"}, errors.Join(&Failure{"", "all of it"}, nil)),
			[]string{"a.b: wrong", ": all of it"}, nil,
		},
		"broken": {errors.Join(&Failure{"a", "wrong"}, errBroken), nil, errBroken},
	} {
		s := NewServer("fake", "1.0.0", &fake{err: c.err})
		resp, err := s.Check(t.Context(), &pulumirpc.CheckRequest{
			Urn: thing, News: pack(t, text("a", "1")), RandomSeed: []byte("seed"),
		})
		if c.want != nil {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var failed []string
		for _, f := range resp.Failures {
			failed = append(failed, f.Property+": "+f.Reason)
		}
		in := unpack(t, resp.Inputs)
		if !slices.Equal(failed, c.failed) || in["name"].StringValue() != "thing-seed" || in["a"].StringValue() != "1" {
			t.Errorf("%s: failures %q, inputs %v", name, failed, in)
		}
	}
}

// A resource that exists although its creation or update failed stays in the state, with what is known of it.
func TestFailedOperations(t *testing.T) {
	for name, c := range map[string]struct {
		id      string
		outs    resource.PropertyMap
		preview bool
		created string // id that the engine learns with a failed creation
		updated bool   // whether it learns outputs of a failed update
	}{
		"nothing is there":         {"", nil, false, "", false},
		"it is there":              {"i-1", text("a", "half"), false, "i-1", true},
		"a preview leaves nothing": {"i-1", text("a", "half"), true, "", false},
	} {
		f := &fake{previews: true, err: errBroken, id: c.id, outs: c.outs}
		s := NewServer("fake", "1.0.0", f)
		in := pack(t, text("a", "1"))
		_, err := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: thing, Properties: in, Preview: c.preview})
		if got := left(t, err); got.GetId() != c.created {
			t.Errorf("%s: creation leaves %q: %v", name, got.GetId(), err)
		} else if got != nil && (unpack(t, got.Properties)["a"].StringValue() != "half" ||
			unpack(t, got.Inputs)["a"].StringValue() != "1" || !slices.Equal(got.Reasons, []string{"broken"})) {
			t.Errorf("%s: creation leaves %v", name, got)
		}
		_, err = s.Update(t.Context(), &pulumirpc.UpdateRequest{Urn: thing, Id: "i-1", News: in, Preview: c.preview})
		if got := left(t, err); (got != nil) != c.updated || got != nil && got.Id != "i-1" {
			t.Errorf("%s: update leaves %v: %v", name, got, err)
		}
		if f.open != 0 {
			t.Errorf("%s: %d operations did not end", name, f.open)
		}
	}
}

// left is what an error says about the resource that a failed operation left.
func left(t *testing.T, err error) *pulumirpc.ErrorResourceInitFailed {
	t.Helper()
	if err == nil {
		t.Error("it did not fail")
	}
	r, ok := rpcerror.FromError(err)
	if !ok || len(r.Details()) == 0 {
		return nil
	}
	return r.Details()[0].(*pulumirpc.ErrorResourceInitFailed)
}

// Where the provider cannot predict more, a preview takes the inputs for the outputs.
func TestPreviews(t *testing.T) {
	for _, previews := range []bool{true, false} {
		f := &fake{previews: previews, outs: text("a", "planned")}
		if !previews {
			f.unconfigured = errUnconfigured
		}
		s := NewServer("fake", "1.0.0", f)
		in := pack(t, text("a", "said"))
		created, err := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: thing, Properties: in, Preview: true})
		if err != nil {
			t.Fatal(err)
		}
		updated, err := s.Update(t.Context(), &pulumirpc.UpdateRequest{Urn: thing, News: in, Preview: true})
		if err != nil {
			t.Fatal(err)
		}
		want, calls := "said", 0
		if previews {
			want, calls = "planned", 2
		}
		a, b := unpack(t, created.Properties)["a"].StringValue(), unpack(t, updated.Properties)["a"].StringValue()
		if a != want || b != want || len(f.calls) != calls {
			t.Errorf("previews %v: %q and %q after %v", previews, a, b, f.calls)
		}
	}
}

func TestOperationsCarryWhatTheEngineSays(t *testing.T) {
	f := &fake{id: "i-1", outs: text("out", "3"), previews: true}
	s := NewServer("fake", "1.0.0", f)
	olds, oldIn, news := pack(t, text("out", "1")), pack(t, text("in", "1")), pack(t, text("in", "2"))
	is := func(m resource.PropertyMap, key resource.PropertyKey, want string) bool {
		return m[key].IsString() && m[key].StringValue() == want
	}

	created, err := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: thing, Properties: news, Timeout: 7})
	if err != nil || created.Id != "i-1" || !is(unpack(t, created.Properties), "out", "3") ||
		f.limit != 7 || f.op.Timeout != 7 || !is(f.op.Inputs, "in", "2") {
		t.Errorf("create: %v %v, operation %+v within %v", created, err, f.op, f.limit)
	}
	ignored := []string{"x"}
	updated, err := s.Update(t.Context(), &pulumirpc.UpdateRequest{
		Urn: thing, Id: "i-1", Olds: olds, OldInputs: oldIn, News: news, IgnoreChanges: ignored, Timeout: 8,
	})
	op := f.op
	if err != nil || !is(unpack(t, updated.Properties), "out", "3") || op.ID != "i-1" || !is(op.Olds, "out", "1") ||
		!is(op.OldInputs, "in", "1") || !is(op.Inputs, "in", "2") || !slices.Equal(op.Ignored, ignored) || op.Timeout != 8 ||
		f.limit != 8 {
		t.Errorf("update: %v %v, operation %+v within %v", updated, err, op, f.limit)
	}
	_, err = s.Diff(t.Context(), &pulumirpc.DiffRequest{
		Urn: thing, Id: "i-1", Olds: olds, OldInputs: oldIn, News: news, IgnoreChanges: ignored,
	})
	op = f.op
	if err != nil || op.ID != "i-1" || !is(op.Olds, "out", "1") || !is(op.OldInputs, "in", "1") ||
		!is(op.Inputs, "in", "2") || !slices.Equal(op.Ignored, ignored) {
		t.Errorf("diff: %v, operation %+v", err, op)
	}
	read, err := s.Read(t.Context(), &pulumirpc.ReadRequest{Urn: thing, Id: "i-1", Properties: olds, Inputs: oldIn})
	if err != nil || read.Id != "i-1" || !is(unpack(t, read.Properties), "out", "3") ||
		!unpack(t, read.Inputs)["in"].BoolValue() || !is(f.op.Olds, "out", "1") || !is(f.op.Inputs, "in", "1") {
		t.Errorf("read: %v %v, operation %+v", read, err, f.op)
	}
	_, err = s.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: thing, Id: "i-1", Properties: olds, Timeout: 9})
	if err != nil || f.op.ID != "i-1" || !is(f.op.Olds, "out", "1") || f.limit != 9 || f.op.Timeout != 9 {
		t.Errorf("delete: %v, operation %+v within %v", err, f.op, f.limit)
	}
	if want := []string{"create", "update", "diff", "read", "delete"}; !slices.Equal(f.calls, want) || f.open != 0 {
		t.Errorf("calls %v, %d did not end", f.calls, f.open)
	}
	f.id = ""
	if read, err = s.Read(t.Context(), &pulumirpc.ReadRequest{Urn: thing, Id: "i-1"}); err != nil || read.Id != "" ||
		read.Properties != nil {
		t.Errorf("gone: %v %v", read, err)
	}
}

func TestOperationsNeedSettings(t *testing.T) {
	f := &fake{unconfigured: errUnconfigured, id: "i-1"}
	s := NewServer("fake", "1.0.0", f)
	_, created := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: thing})
	_, updated := s.Update(t.Context(), &pulumirpc.UpdateRequest{Urn: thing})
	_, read := s.Read(t.Context(), &pulumirpc.ReadRequest{Urn: thing})
	_, deleted := s.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: thing})
	for _, err := range []error{created, updated, read, deleted} {
		if !errors.Is(err, errUnconfigured) {
			t.Errorf("%v", err)
		}
	}
	if len(f.calls) > 0 {
		t.Errorf("calls %v", f.calls)
	}
}
