// Package history is the durable spool of the web side: finished calls, the outbox of webhooks, acts that are to be done once, and the records of who
// may come in. It is a SQLite file (WAL); SQL lives here only, and keeps to what other databases understand.
//
// One connection writes, in batches; others read. What a method says is written has reached the file: it outlives the process's death. What is
// only noted (calls, outgoing documents) is written within Batch.
package history

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"go.uber.org/zap"
	_ "modernc.org/sqlite" // the driver
)

//go:embed migrations/*.sql
var migrations embed.FS

// leastLayout is the oldest layout whose programs can use a file of ours: an upgrade can be taken back while migrations only add. One that does more raises it
// to its own number.
const leastLayout = 1

// ErrNewer is why a file isn't opened that a newer version has written and changed beyond what this one can use.
var ErrNewer = errors.New("it was written by a newer version of farhook")

// DB is an open file. Its methods are safe for concurrent use.
type DB struct {
	path  string
	write *sql.DB // one connection
	read  *sql.DB
	log   *zap.Logger
	temp  string // a folder to be removed at the end; empty: none

	mu     sync.Mutex // one writer at a time; SQLite would say "busy"
	lastID int64      // of the outbox
}

// Open opens the file, and makes or brings it up to date where need be. An empty path is a file of its own that goes when it is closed.
func Open(path string, log *zap.Logger) (*DB, error) {
	if log == nil {
		log = zap.NewNop()
	}
	d := &DB{path: path, log: log}
	if path == "" {
		dir, err := os.MkdirTemp("", "farhook-history-")
		if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		d.temp, d.path = dir, filepath.Join(dir, "history.db")
	}
	if err := d.open(); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("history: %s: %w", d.path, err)
	}
	return d, nil
}

func (d *DB) open() error {
	pragmas := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)", "cache_size(-8000)"}, "_txlock": {"immediate"}}
	name := "file:" + (&url.URL{Path: d.path}).EscapedPath()
	var err error
	if d.write, err = sql.Open("sqlite", name+"?"+pragmas.Encode()); err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	if d.read, err = sql.Open("sqlite", name+"?"+pragmas.Encode()+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	d.read.SetMaxOpenConns(4)
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, d.write, files, goose.WithGoMigrations(folding))
	if err != nil {
		return err
	}
	ctx := context.Background()
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; have > newest {
		var least int64
		if err := d.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&least); err != nil {
			return err
		}
		if least == 0 || least > newest {
			return fmt.Errorf("%w (layout %d, we know %d)", ErrNewer, have, newest)
		}
		d.log.Info("the history was written by a newer version of farhook, and is of use to this one", zap.Int64("layout", have), zap.Int64("known", newest))
	} else {
		if _, err := p.Up(ctx); err != nil {
			return err
		}
		if _, err := d.write.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", leastLayout)); err != nil {
			return err
		}
	}
	if err := os.Chmod(d.path, 0o600); err != nil {
		return err
	}
	return d.write.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM outbox").Scan(&d.lastID)
}

// Close closes the file. What was only noted is not written any more: whoever notes has ended before.
func (d *DB) Close() error {
	var all []error
	for _, x := range []*sql.DB{d.read, d.write} {
		if x != nil {
			all = append(all, x.Close())
		}
	}
	if d.temp != "" {
		all = append(all, os.RemoveAll(d.temp))
	}
	return errors.Join(all...)
}

// tx runs f in one transaction of the writer.
func (d *DB) tx(ctx context.Context, f func(*sql.Tx) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// ms is a time as it is stored: milliseconds since 1970, 0 for none.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
