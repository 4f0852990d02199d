package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A lock is held by an open file, so the kernel releases it when its process ends, however it ends. The file names the
// holder. Children inherit the lock only if it is passed to them.
type lock struct {
	file *os.File
}

// heldError names the holder of a lock.
type heldError struct{ pid int }

func (e *heldError) Error() string { return fmt.Sprintf("held by process %d", e.pid) }

// lockPoll is the pause between two attempts to take a held lock.
const lockPoll = 100 * time.Millisecond

// tryLock takes a lock or returns a *heldError at once.
func tryLock(path string) (*lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			pid := holder(f)
			return nil, errors.Join(&heldError{pid}, f.Close())
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		if !same(f, path) { // the last holder removed the file in the meantime
			if err := f.Close(); err != nil {
				return nil, fmt.Errorf("lock %s: %w", path, err)
			}
			continue
		}
		l := &lock{f}
		if err := l.sign(); err != nil {
			return nil, errors.Join(err, l.release())
		}
		return l, nil
	}
}

// waitLock takes a lock, waiting for its holder to release it; waiting is called once with the holder.
func waitLock(ctx context.Context, path string, waiting func(pid int)) (*lock, error) {
	told := false
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		l, err := tryLock(path)
		var held *heldError
		if !errors.As(err, &held) {
			return l, err
		}
		if !told && held.pid != 0 {
			waiting(held.pid)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", path, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// lockHolder returns the process that holds a lock; 0 if none does.
func lockHolder(ctx context.Context, path string) (int, error) {
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
		l, err := tryLock(path)
		var held *heldError
		switch {
		case err == nil:
			return 0, l.release()
		case !errors.As(err, &held):
			return 0, err
		case held.pid != 0:
			return held.pid, nil
		}
		select { // the holder is about to write its pid
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for %s: %w", path, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

func (l *lock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if _, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

// intact reports whether the lock's file is still in place.
func (l *lock) intact() bool { return same(l.file, l.file.Name()) }

func (l *lock) release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("release %s: %w", l.file.Name(), err)
	}
	return nil
}

// remove deletes the file and releases the lock, in this order: a waiting process notices and creates a new file.
func (l *lock) remove() error {
	return errors.Join(os.Remove(l.file.Name()), l.release())
}

func holder(f *os.File) int {
	var buf [20]byte
	n, err := f.ReadAt(buf[:], 0)
	if n == 0 && err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil {
		return 0
	}
	return pid
}

func same(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there)
}
