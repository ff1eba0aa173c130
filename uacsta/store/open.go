package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"go.uber.org/zap"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	version       = 1          // of the layout, kept as user_version
	applicationID = 0x66687373 // says that the file is ours
	layout        = "CREATE TABLE session (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID"
)

// Open opens the store at path, or creates it, readable by its owner only. The directory must exist. A nil log: none.
// It fails with ErrNewer, ErrBroken or ErrInUse, and then leaves what the file holds as it is. Where only the disk stands in the way (it is full, or read-only),
// the store opens all the same: what is put waits in memory until the disk takes it, and Load gives what can be read. Close ends what Open began.
func Open(path string, log *zap.Logger) (*Store, error) {
	if log == nil {
		log = zap.NewNop()
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("session store %s: %w", path, err)
	}
	s := &Store{
		path: abs, log: log,
		wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		quit: make(chan struct{}), ended: make(chan struct{}), moved: make(chan struct{}),
		pending: make(map[string][]byte), tail: &tail{err: errNotOpen},
	}
	switch err := s.open(); {
	case err == nil:
	case DiskAtFault(abs, err):
		s.err = err
		log.Error("sessions can't be stored, trying again", zap.String("path", path), zap.Error(err))
	default:
		return nil, fmt.Errorf("session store %s: %w", path, err)
	}
	go s.run()
	return s, nil
}

var errNotOpen = errors.New("the store is not open yet")

// open gets hold of the file.
func (s *Store) open() error {
	file, err := create(s.path)
	if err != nil {
		return err
	}
	// A write-ahead log that a killed process left would be moved into the file by whoever closes it. So one looks first, without the right to write.
	if left, err := os.Stat(s.path + "-wal"); err == nil && left.Size() > 0 {
		if err := look(s.path); err != nil {
			return err
		}
	}
	db, err := connect(s.path, "rw")
	if err != nil {
		return err
	}
	if err := prepare(db); err != nil {
		return errors.Join(explain(err), db.Close())
	}
	t, err := s.replay(db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.mu.Lock()
	s.file, s.db, s.tail = file, db, t
	s.mu.Unlock()
	return nil
}

// create makes the file if there is none. An existing one isn't opened here: closing it again would drop the lock of a Store in this process.
func create(path string) (fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		if err := f.Close(); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("is a directory")
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if n := info.Size(); n > 0 && n < 512 { // SQLite takes such a file for an empty one, and would write over it
		return nil, fmt.Errorf("%w: only %d octets", ErrBroken, n)
	}
	return info, nil
}

// connect makes a pool of one connection. What it sets doesn't change the file; the exclusive mode keeps every lock that is once taken.
func connect(path, mode string) (*sql.DB, error) {
	q := url.Values{"mode": {mode}, "_pragma": {"synchronous(NORMAL)", "journal_size_limit(8388608)", "cell_size_check(ON)", "trusted_schema(OFF)"}}
	switch mode {
	case "rw":
		q.Add("_pragma", "locking_mode(EXCLUSIVE)")
	case "immutable": // on a disk that is read-only: nobody changes the file, and nothing can be put beside it
		q.Set("mode", "ro")
		q.Set("immutable", "1")
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return db, nil
}

// look checks a file without changing it.
func look(path string) error {
	db, err := connect(path, "ro")
	if err != nil {
		return err
	}
	_, err = checkIn(db)
	return errors.Join(explain(err), db.Close())
}

func checkIn(db *sql.DB) (fresh bool, err error) {
	ctx := context.Background()
	c, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	fresh, err = check(ctx, c)
	return fresh, errors.Join(err, c.Close())
}

// prepare takes the lock, checks the file and gives a new one its layout.
func prepare(db *sql.DB) (err error) {
	ctx := context.Background()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := c.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return err
	}
	fresh, err := check(ctx, c)
	if err == nil && fresh {
		_, err = c.ExecContext(ctx, fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", layout, applicationID, version))
	}
	if err != nil {
		_, _ = c.ExecContext(ctx, "ROLLBACK")
		return err
	}
	if _, err := c.ExecContext(ctx, "COMMIT"); err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	return err
}

// check says whether the file is empty, and otherwise whether it is sound and ours.
func check(ctx context.Context, c *sql.Conn) (fresh bool, err error) {
	var v, id, objects int
	var schema string
	for _, q := range []struct {
		query string
		to    []any
	}{
		{"PRAGMA user_version", []any{&v}},
		{"PRAGMA application_id", []any{&id}},
		{"SELECT count(*), coalesce(max(sql), '') FROM sqlite_schema", []any{&objects, &schema}},
	} {
		if err := c.QueryRowContext(ctx, q.query).Scan(q.to...); err != nil {
			return false, err
		}
	}
	switch {
	case v > version:
		return false, fmt.Errorf("%w: layout %d, this one knows %d", ErrNewer, v, version)
	case v == 0 && id == 0 && objects == 0:
		return true, nil
	case v != version || id != applicationID || objects != 1 || schema != layout: // a trigger or an index of others isn't ours either
		return false, fmt.Errorf("%w: a database of something else", ErrBroken)
	}
	var verdict string
	if err := c.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return false, err
	}
	if verdict != "ok" {
		return false, fmt.Errorf("%w: %s", ErrBroken, verdict)
	}
	return false, nil
}

// explain gives SQLite's failures the names that callers know.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", ErrInUse, err)
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR:
		return fmt.Errorf("%w: %w", ErrBroken, err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("file or directory not writable: %w", err)
	case sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("file or directory not accessible: %w", err)
	}
	switch e.Code() {
	case sqlite3.SQLITE_IOERR_SHORT_READ:
		return fmt.Errorf("%w: %w", ErrBroken, err)
	case sqlite3.SQLITE_IOERR_LOCK: // a file that could only be opened for reading can't be locked for writing
		return fmt.Errorf("file not writable, or on a file system without locks: %w", err)
	}
	return err
}
