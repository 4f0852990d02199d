package client

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"dip/contract"
	"dip/local/emulator/emulatortest"
)

func TestMain(m *testing.M) { emulatortest.Main(m) }

// published are versions of one function that were published hours apart, the newest now; called has an alias.
func published(called int, numbers ...int) []Version {
	var all []Version
	newest := slices.Max(numbers)
	for _, n := range numbers {
		all = append(all, Version{Of: "f", Number: n, Called: n == called,
			Published: time.Unix(1e9, 0).Add(-2 * time.Hour * time.Duration(newest-n))})
	}
	return all
}

func TestSuperseded(t *testing.T) {
	now := time.Unix(1e9, 0).Add(time.Minute)
	for _, c := range []struct {
		what     string
		versions []Version
		keep     int
		want     []int
	}{
		{"nothing", nil, 1, nil},
		{"one", published(1, 1), 1, nil},
		{"old ones, in any order", published(5, 2, 4, 1, 3, 5), 2, []int{3, 2, 1}},
		{"by number, not by text", published(11, 9, 10, 11), 2, []int{9}},
		{"an alias that was moved back", published(2, 1, 2, 3, 4), 1, []int{1}},
		{"one that was succeeded a moment ago may still run", published(3, 1, 2, 3), 1, []int{1}},
		{"none kept: the newest stays", published(0, 1, 2, 3), 0, []int{1}},
	} {
		var got []int
		for _, v := range Superseded(c.versions, c.keep, now) {
			got = append(got, v.Number)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	two := append(published(2, 1, 2), Version{Of: "g", Number: 1})
	if got := Superseded(two, 1, now.Add(settling)); len(got) != 1 || got[0].Of != "f" {
		t.Errorf("of each function its own: %v", got)
	}
}

// A stack's versions are listed, and those that an alias leads to with any weight stay.
func TestPrune(t *testing.T) {
	cfg := emulatortest.Config(t)
	role := emulatortest.Role(t, "prune")
	stack := Connect("test", cfg, Outputs{})
	stack.Outputs = Outputs{
		Functions: map[string]string{"intake": publish(t, stack.Lambda, role, "intake", 3, 2)},
		Maintenance: &contract.MaintenanceOutputs[string]{
			Function: publish(t, stack.Lambda, role, "maintenance", 1, 0),
		},
		Segments: map[string]contract.SegmentOutputs[string]{
			"trips": {
				Function: publish(t, stack.Lambda, role, "trips", 4, 0),
				Stream: &contract.StreamOutputs[string]{
					Witness: publish(t, stack.Lambda, role, "trips-witness", 1, 0),
					Closer:  publish(t, stack.Lambda, role, "trips-closer", 1, 0),
				},
			},
		},
		Workflow: publishWorkflow(t, stack.SFN, role, 3),
	}
	const whole = "[intake 3 intake 2* intake 1* maintenance 1* trips 4* trips 3 trips 2 trips 1 trips-closer 1* trips-witness 1* workflow 3* workflow 2 workflow 1]"
	if got := listed(t, stack); got != whole {
		t.Fatalf("got  %s\nwant %s", got, whole)
	}
	all, err := stack.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stack.Prune(t.Context(), Superseded(all, 2, time.Now())); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, stack); got != whole {
		t.Errorf("versions that were published a moment ago: %s", got)
	}
	if err := stack.Prune(t.Context(), Superseded(all, 2, time.Now().Add(2*settling))); err != nil {
		t.Fatal(err)
	}
	want := "[intake 3 intake 2* intake 1* maintenance 1* trips 4* trips 3 trips-closer 1* trips-witness 1* workflow 3* workflow 2]"
	if got := listed(t, stack); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	none := Version{Of: "trips", owner: functionName(stack.Outputs.Segments["trips"].Function)}
	if err := stack.Prune(t.Context(), []Version{none}); err == nil {
		t.Error("without a number the whole function would be deleted")
	}
}

// listed is "[name number* ...]", with a star where an alias leads to.
func listed(t *testing.T, stack *Stack) string {
	t.Helper()
	all, err := stack.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, v := range all {
		text := fmt.Sprintf("%s %d", v.Of, v.Number)
		if v.Called {
			text += "*"
		}
		if v.Published.IsZero() || (v.Of != workflowName) != (v.Bytes > 0) {
			t.Errorf("incomplete: %+v", v)
		}
		texts = append(texts, text)
	}
	return fmt.Sprint(texts)
}

// publish makes a function with n versions, and an alias that leads to the newest or, with a weight, to the first and
// to another.
func publish(t *testing.T, client *lambda.Client, role, name string, n, other int) (alias string) {
	t.Helper()
	_, err := client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Role: &role, Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &lambdatypes.FunctionCode{ZipFile: code(t, 1)}, Publish: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := 2; i <= n; i++ {
		_, err := client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
			FunctionName: &name, ZipFile: code(t, i), Publish: true,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	in := &lambda.CreateAliasInput{Name: aws.String("live"), FunctionName: &name,
		FunctionVersion: aws.String(fmt.Sprint(n))}
	if other > 0 {
		in.FunctionVersion = aws.String("1")
		in.RoutingConfig = &lambdatypes.AliasRoutingConfiguration{
			AdditionalVersionWeights: map[string]float64{fmt.Sprint(other): 0.1},
		}
	}
	out, err := client.CreateAlias(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.AliasArn
}

// code is a package of its own for each number.
func code(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("bootstrap")
	if err == nil {
		_, err = fmt.Fprintf(w, "#!/bin/sh\n# %d\n", n)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func publishWorkflow(t *testing.T, client *sfn.Client, role string, n int) (alias string) {
	t.Helper()
	definition := func(i int) *string {
		return aws.String(fmt.Sprintf(`{"StartAt":"P","States":{"P":{"Type":"Pass","Result":%d,"End":true}}}`, i))
	}
	made, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("load"), RoleArn: &role, Definition: definition(1), Publish: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	version := made.StateMachineVersionArn
	for i := 2; i <= n; i++ {
		out, err := client.UpdateStateMachine(t.Context(), &sfn.UpdateStateMachineInput{
			StateMachineArn: made.StateMachineArn, Definition: definition(i), Publish: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		version = out.StateMachineVersionArn
	}
	out, err := client.CreateStateMachineAlias(t.Context(), &sfn.CreateStateMachineAliasInput{
		Name: aws.String("live"), RoutingConfiguration: []sfntypes.RoutingConfigurationListItem{
			{StateMachineVersionArn: version, Weight: 100},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.StateMachineAliasArn
}
