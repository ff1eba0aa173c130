package store

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// DiskAtFault says whether it is the disk that stands in the way of opening a file, and not what the file is or who may open it: that may be mended any moment.
func DiskAtFault(path string, err error) bool {
	if errors.Is(err, ErrNewer) || errors.Is(err, ErrBroken) || errors.Is(err, ErrInUse) {
		return false
	}
	for _, fault := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, fault) {
			return true
		}
	}
	const writing = 2                                            // W_OK
	if errors.Is(syscall.Access(path, writing), syscall.EROFS) { // SQLite doesn't say why it can't
		return true
	}
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code()&0xff == sqlite3.SQLITE_IOERR && e.Code() != sqlite3.SQLITE_IOERR_LOCK)
}

// loadAsItIs is Load where the file can't be opened for writing: it changes nothing. A file that isn't there holds nothing.
func (s *Store) loadAsItIs(f func(key string, value []byte) error) error {
	failed := func(err error) error { return fmt.Errorf("session store %s: %w", s.path, explain(err)) }
	all := make(map[string][]byte)
	if info, err := os.Stat(s.path); err == nil && info.Size() > 0 {
		mode := "immutable"
		if left, err := os.Stat(s.path + "-wal"); err == nil && left.Size() > 0 {
			mode = "ro"
		}
		db, err := connect(s.path, mode)
		if err != nil {
			return failed(err)
		}
		defer func() { _ = db.Close() }()
		if _, err := checkIn(db); err != nil {
			return failed(err)
		}
		for after := []byte{}; ; {
			records, err := readPage(db, after)
			if err != nil {
				return failed(err)
			}
			if len(records) == 0 {
				break
			}
			for _, r := range records {
				all[string(r.key)] = r.value
			}
			after = records[len(records)-1].key
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(err)
	}
	var left []piece
	for _, name := range []string{s.path + "-tail0", s.path + "-tail1"} {
		if text, err := os.ReadFile(name); err == nil {
			left = append(left, pieces(text)...)
		}
	}
	changed, _ := newest(left)
	maps.DeleteFunc(changed, outOfBounds)
	maps.Copy(all, changed)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if all[key] == nil {
			continue
		}
		if err := f(key, all[key]); err != nil {
			return err
		}
	}
	return nil
}
