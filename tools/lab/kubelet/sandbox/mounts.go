package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// view is what the command sees.
type view struct {
	root string          // see Command.Root
	ours map[string]bool // folders that are not the host's: entries can be made in them
}

// arrange makes the view in this process's mount namespace.
func arrange(root string, mounts []Mount) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("leave the host's mounts: %w", err)
	}
	sources := make([]held, len(mounts))
	for i, m := range mounts { // before one of the mounts hides another one's source
		var err error
		if sources[i], err = hold(m.Source); err != nil {
			return fmt.Errorf("mount %s: %w", m.Target, err)
		}
	}
	v := view{root: root, ours: map[string]bool{}}
	for i, m := range mounts {
		if err := v.mount(sources[i], m); err != nil {
			return fmt.Errorf("mount %s: %w", m.Target, err)
		}
	}
	return nil
}

func (v *view) mount(source held, m Mount) error {
	info, err := os.Stat(source.path())
	if err != nil {
		return err
	}
	target, err := v.place(m.Target, info.IsDir())
	if err != nil {
		return err
	}
	if err := bind(source.path(), target); err != nil {
		return err
	}
	if info.IsDir() {
		v.ours[target] = !m.ReadOnly
	}
	if m.ReadOnly {
		return readOnly(target)
	}
	return nil
}

// place makes sure that a path exists, and returns it without symbolic links.
func (v *view) place(path string, folder bool) (string, error) {
	at := "/"
	for rest := strings.Split(strings.Trim(filepath.Clean(path), "/"), "/"); len(rest) > 0; rest = rest[1:] {
		next := filepath.Join(at, rest[0])
		info, err := os.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := v.own(at); err != nil {
				return "", err
			}
			if err := create(next, folder || len(rest) > 1); err != nil {
				return "", err
			}
			v.ours[next] = true
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink != 0:
			if next, err = filepath.EvalSymlinks(next); err != nil {
				return "", err
			}
		}
		at = next
	}
	return at, nil
}

func create(path string, folder bool) error {
	if folder {
		return os.Mkdir(path, 0o755)
	}
	return os.WriteFile(path, nil, 0o644)
}

// own replaces a folder of the host by one in memory that has the same entries.
func (v *view) own(dir string) error {
	if v.ours[dir] {
		return nil
	}
	original, err := hold(dir)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	at := dir
	if dir == "/" {
		at = v.root
	}
	if err := unix.Mount("tmpfs", at, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("replace %s: %w", dir, err)
	}
	for _, entry := range entries {
		// A file that has disappeared meanwhile is skipped.
		if err := repeat(filepath.Join(original.path(), entry.Name()), filepath.Join(at, entry.Name())); err != nil &&
			!errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("replace %s: keep its %s: %w", dir, entry.Name(), err)
		}
	}
	v.ours[dir] = true
	if dir != "/" {
		return nil
	}
	if err := unix.Chroot(at); err != nil {
		return fmt.Errorf("replace /: %w", err)
	}
	return os.Chdir("/")
}

// repeat shows an entry of a folder in another one.
func repeat(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(link, to)
	}
	if err := create(to, info.IsDir()); err != nil {
		return err
	}
	return bind(from, to)
}

func bind(from, to string) error {
	return os.NewSyscallError("bind", unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""))
}

// readOnly keeps the other options that a mount has: a user namespace may not drop them.
func readOnly(target string) error {
	var has unix.Statfs_t
	if err := unix.Statfs(target, &has); err != nil {
		return os.NewSyscallError("statfs", err)
	}
	flags := uintptr(unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY)
	for option, flag := range map[int64]uintptr{
		unix.ST_NOSUID: unix.MS_NOSUID, unix.ST_NODEV: unix.MS_NODEV, unix.ST_NOEXEC: unix.MS_NOEXEC,
		unix.ST_NOATIME: unix.MS_NOATIME, unix.ST_NODIRATIME: unix.MS_NODIRATIME, unix.ST_RELATIME: unix.MS_RELATIME,
	} {
		if has.Flags&option != 0 {
			flags |= flag
		}
	}
	return os.NewSyscallError("make read-only", unix.Mount("", target, "", flags, ""))
}
