package plugin

import (
	"bufio"
	"errors"
	"flag"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

func TestUnknownTokensAreNamed(t *testing.T) {
	s := NewServer("fake", "1.0.0", &fake{})
	_, resourceErr := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: "urn:pulumi:dev::dip::fake:a:Other::thing"})
	_, functionErr := s.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: "fake:a:other"})
	for want, err := range map[string]error{
		"this fake plugin has no resource type fake:a:Other": resourceErr,
		"this fake plugin has no function fake:a:other":      functionErr,
	} {
		if status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := s.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: "thing"})
	if err == nil || !strings.Contains(err.Error(), `URN "thing"`) {
		t.Errorf("not a URN: %v", err)
	}
}

func TestInvoke(t *testing.T) {
	f := &fake{outs: text("a", "1")}
	s := NewServer("fake", "1.0.0", f)
	call := &pulumirpc.InvokeRequest{Tok: "fake:a:get"}
	if resp, err := s.Invoke(t.Context(), call); err != nil || unpack(t, resp.Return)["a"].StringValue() != "1" {
		t.Errorf("%v %v", resp, err)
	}
	f.err = &Failure{"name", "it is missing"}
	resp, err := s.Invoke(t.Context(), call)
	if err != nil || len(resp.Failures) != 1 || resp.Failures[0].Property != "name" || resp.Return != nil {
		t.Errorf("wrong arguments: %v %v", resp, err)
	}
	f.err = errBroken
	if _, err := s.Invoke(t.Context(), call); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "fake:a:get") {
		t.Errorf("broken: %v", err)
	}
}

func TestSettings(t *testing.T) {
	f := &fake{}
	s := NewServer("fake", "1.0.0", f)
	in := pack(t, text("region", "here"))
	resp, err := s.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: in})
	if err != nil || !resp.SupportsPreview || !resp.AcceptSecrets {
		t.Errorf("%v %v", resp, err)
	}
	checked, err := s.CheckConfig(t.Context(), &pulumirpc.CheckRequest{News: in})
	if err != nil || len(checked.Failures) > 0 || unpack(t, checked.Inputs)["region"].StringValue() != "here" {
		t.Errorf("%v %v", checked, err)
	}
	f.configErr = errBroken
	if _, err = s.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: in}); err == nil ||
		err.Error() != "fake provider: broken" {
		t.Errorf("wrong settings: %v", err)
	}
	checked, err = s.CheckConfig(t.Context(), &pulumirpc.CheckRequest{News: in})
	if err != nil || len(checked.Failures) != 1 || checked.Failures[0].Reason != "fake provider: broken" {
		t.Errorf("wrong settings: %v %v", checked, err)
	}
}

func TestChangedSettings(t *testing.T) {
	f := &fake{}
	s := NewServer("fake", "1.0.0", f)
	diff := func(was, is string) *pulumirpc.DiffResponse {
		t.Helper()
		d, err := s.DiffConfig(t.Context(), &pulumirpc.DiffRequest{
			OldInputs: pack(t, text("region", was)), News: pack(t, text("region", is)),
		})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := diff("a", "a"); d.Changes != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("nothing changed: %v", d)
	}
	if d := diff("a", "b"); d.Changes != pulumirpc.DiffResponse_DIFF_SOME || len(d.Diffs) != 1 || len(d.Replaces) > 0 {
		t.Errorf("it stays where it is: %v", d)
	}
	f.moves = true
	if d := diff("a", "b"); len(d.Replaces) != 1 || d.Replaces[0] != "region" {
		t.Errorf("it moves: %v", d)
	}
}

func TestPropertiesKeepWhatIsUnknownAndSecret(t *testing.T) {
	in := resource.PropertyMap{
		"unknown": resource.MakeComputed(resource.NewStringProperty("")),
		"secret":  resource.MakeSecret(resource.NewStringProperty("s")),
		"null":    resource.NewNullProperty(),
	}
	out := unpack(t, pack(t, in))
	if !out["unknown"].IsComputed() || !out["secret"].IsSecret() || out.HasValue("null") {
		t.Errorf("%v", out)
	}
}

// The engine starts the plugin, reads its port and calls it there.
func TestServe(t *testing.T) {
	set := flag.NewFlagSet("plugin", flag.ContinueOnError)
	Flags(set)
	err := set.Parse([]string{"-tracing", "file:x", "-logflow", "true", "127.0.0.1:1"})
	if err != nil || set.Arg(0) != "127.0.0.1:1" {
		t.Errorf("the engine's flags: %v", err)
	}
	f := &fake{}
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Serve("", NewServer("fake", "1.2.3", f), write) }()
	port, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strings.TrimSpace(port))
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := pulumirpc.NewResourceProviderClient(conn)
	if info, err := client.GetPluginInfo(t.Context(), &emptypb.Empty{}); err != nil || info.Version != "1.2.3" {
		t.Errorf("%v %v", info, err)
	}
	schema, err := client.GetSchema(t.Context(), &pulumirpc.GetSchemaRequest{})
	if err != nil || schema.Schema != `{"name":"fake","version":"1.2.3"}` {
		t.Errorf("%v %v", schema, err)
	}
	if _, err := client.Attach(t.Context(), &pulumirpc.PluginAttach{}); err != nil {
		t.Error(err)
	}
	if _, err := client.Cancel(t.Context(), &emptypb.Empty{}); err != nil || len(f.calls) != 1 {
		t.Errorf("%v after %v", err, f.calls)
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("a signal ends it: %v", err)
	}
}
