package child

import (
	"bufio"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Kill kills the process and its child: the pipe that both hold reaches its end.
func TestKillEndsTheWholeGroup(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 1000 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := Start(cmd); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if group, err := syscall.Getpgid(grandchild); err != nil || group != cmd.Process.Pid {
		t.Errorf("the group is %d (%v), want %d", group, err, cmd.Process.Pid)
	}
	if err := Kill(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if rest, err := lines.ReadString('\n'); err == nil { // ends when no process holds the pipe
		t.Errorf("it says %q", rest)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", err)
	}
	if err := Kill(cmd.Process.Pid); err != nil {
		t.Errorf("a process that has exited: %v", err)
	}
}

func TestStartKeepsOtherAttributes(t *testing.T) {
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{AmbientCaps: []uintptr{}}
	if err := Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || cmd.SysProcAttr.AmbientCaps == nil || !cmd.SysProcAttr.Setpgid {
		t.Errorf("%+v, %v", cmd.SysProcAttr, err)
	}
	if err := Start(exec.Command("/does/not/exist")); err == nil {
		t.Error("a missing program starts")
	}
}
