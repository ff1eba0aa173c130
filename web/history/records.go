package history

import (
	"context"
	"database/sql"
	"strings"

	"farhook/web/access"
)

// Record is one stored thing of another package's.
type Record = access.Record

// Records lists everything of some kinds.
func (d *DB) Records(ctx context.Context, kinds ...string) ([]Record, error) {
	return list(ctx, d, func(rows *sql.Rows) (r Record, err error) {
		return r, rows.Scan(&r.Kind, &r.ID, &r.Value)
	}, "SELECT kind, id, value FROM records WHERE kind IN (?"+strings.Repeat(", ?", len(kinds)-1)+") ORDER BY kind, id", anys(kinds)...)
}

// Version changes whenever a record does, by whatever process.
func (d *DB) Version(ctx context.Context) (n int64, err error) {
	err = d.read.QueryRowContext(ctx, "SELECT n FROM versions WHERE name = 'records'").Scan(&n)
	return n, err
}

// Put stores a record; it is on disk when it returns.
func (d *DB) Put(ctx context.Context, r Record) error {
	return d.tx(ctx, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM records WHERE kind = ? AND id = ?", r.Kind, r.ID); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, "INSERT INTO records (kind, id, value) VALUES (?, ?, ?)", r.Kind, r.ID, r.Value); err != nil {
			return err
		}
		return changed(ctx, tx)
	})
}

// Delete takes a record away. false: there was none.
func (d *DB) Delete(ctx context.Context, kind, id string) (was bool, err error) {
	err = d.tx(ctx, func(tx *sql.Tx) error {
		n, err := exec(ctx, tx, "DELETE FROM records WHERE kind = ? AND id = ?", kind, id)
		if was = n > 0; err != nil || !was {
			return err
		}
		return changed(ctx, tx)
	})
	return was, err
}

func changed(ctx context.Context, tx *sql.Tx) error {
	_, err := exec(ctx, tx, "UPDATE versions SET n = n + 1 WHERE name = 'records'")
	return err
}
