package history

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"farhook/web/access"
)

// Record is one stored thing of another package's.
type Record = access.Record

// Records lists everything of some kinds.
func (d *DB) Records(ctx context.Context, kinds ...string) ([]Record, error) {
	args := make([]any, len(kinds))
	for i, k := range kinds {
		args[i] = k
	}
	rows, err := d.read.QueryContext(ctx, "SELECT kind, id, value FROM records WHERE kind IN (?"+strings.Repeat(",?", len(kinds)-1)+") ORDER BY kind, id", args...)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer rows.Close()
	var list []Record
	for rows.Next() {
		var r Record
		if err := rows.Scan(&r.Kind, &r.ID, &r.Value); err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// Version changes whenever a record does, by whatever process.
func (d *DB) Version(ctx context.Context) (n int64, err error) {
	err = d.read.QueryRowContext(ctx, "SELECT n FROM versions WHERE name = 'records'").Scan(&n)
	return n, err
}

// Put stores a record; it is on disk when it returns.
func (d *DB) Put(ctx context.Context, r Record) error {
	return d.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM records WHERE kind = ? AND id = ?", r.Kind, r.ID); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO records (kind, id, value) VALUES (?, ?, ?)", r.Kind, r.ID, r.Value); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		return changed(ctx, tx)
	})
}

// Delete takes a record away. false: there was none.
func (d *DB) Delete(ctx context.Context, kind, id string) (was bool, err error) {
	err = d.tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM records WHERE kind = ? AND id = ?", kind, id)
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		n, err := res.RowsAffected()
		if was = n > 0; err != nil || !was {
			return err
		}
		return changed(ctx, tx)
	})
	return was, err
}

func changed(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "UPDATE versions SET n = n + 1 WHERE name = 'records'"); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}
