package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// inside is the name under which this program starts itself.
const inside = "dip-sandbox"

// Files that Start hands over.
const (
	descriptionFile = 3
	reportFile      = 4
)

// init turns the process that Start started into its command. It is an init function because a main that forgot to call
// it would start the whole program again for each command.
func init() {
	if len(os.Args) != 1 || os.Args[0] != inside {
		return
	}
	report := os.NewFile(reportFile, "report")
	err := become(os.NewFile(descriptionFile, "description"))
	fmt.Fprint(report, err) // the reader may be gone
	os.Exit(1)
}

// become returns only with an error.
func become(description *os.File) error {
	// The command does not inherit what this program inherited, either.
	if err := unix.CloseRange(descriptionFile, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close files: %w", err)
	}
	text, err := io.ReadAll(description)
	if err != nil {
		return fmt.Errorf("read what to run: %w", err)
	}
	var c Command
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read what to run: %w", err)
	}
	program, err := hold(c.Path)
	if err != nil {
		return err
	}
	if err := arrange(c.Root, c.Mounts); err != nil {
		return err
	}
	if c.Dir == "" {
		c.Dir = "/"
	}
	if err := os.Chdir(c.Dir); err != nil {
		return fmt.Errorf("enter the working folder: %w", err)
	}
	return fmt.Errorf("execute: %w", syscall.Exec(program.visible(c.Path), c.Args, c.Env))
}

// held is an open file or folder, whatever its path shows later.
type held int

func hold(path string) (held, error) {
	file, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", path, err)
	}
	return held(file), nil
}

// path is where the file can be reached as long as it is held.
func (h held) path() string { return "/proc/self/fd/" + strconv.Itoa(int(h)) }

// visible is the path if the file still exists, so that the process has the name of its program.
func (h held) visible(path string) string {
	var was, is unix.Stat_t
	err := errors.Join(unix.Fstat(int(h), &was), unix.Stat(path, &is))
	if err == nil && was.Dev == is.Dev && was.Ino == is.Ino {
		return path
	}
	return h.path()
}
