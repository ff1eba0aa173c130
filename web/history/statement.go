package history

import (
	"context"
	"database/sql"
	"fmt"
)

// exec runs a statement of a transaction, and gives how many rows it touched.
func exec(ctx context.Context, tx *sql.Tx, statement string, args ...any) (int64, error) {
	res, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, fmt.Errorf("history: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("history: %w", err)
	}
	return n, nil
}

// exec runs a statement in a transaction of its own, and gives how many rows it touched. They are on disk when it returns.
func (d *DB) exec(ctx context.Context, statement string, args ...any) (n int64, err error) {
	err = d.tx(ctx, func(tx *sql.Tx) error {
		n, err = exec(ctx, tx, statement, args...)
		return err
	})
	return n, err
}

// list reads what a query finds: an empty list where that is nothing, for it is told as JSON.
func list[T any](ctx context.Context, d *DB, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := d.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		all = append(all, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return all, nil
}

// anys are arguments of a statement.
func anys[T ~string](list []T) []any {
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = string(x)
	}
	return out
}
