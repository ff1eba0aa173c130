package history

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// folded is the layout since which every call with a name has its index.
const folded = 4

// folding writes the index of the calls that an older version has kept without one.
var folding = goose.NewGoMigration(folded, &goose.GoFunc{RunTx: fold}, nil)

// fold writes the index of names wherever it is missing, page by page: a long history is not held whole.
func fold(ctx context.Context, tx *sql.Tx) error {
	type row struct{ id, calling, called string }
	last := ""
	for {
		var rows []row
		found, err := tx.QueryContext(ctx, "SELECT id, calling_name, called_name FROM calls WHERE id > ? AND names = '' AND (calling_name <> '' OR called_name <> '') ORDER BY id LIMIT ?", last, page)
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		for found.Next() {
			var r row
			if err := found.Scan(&r.id, &r.calling, &r.called); err != nil {
				_ = found.Close()
				return fmt.Errorf("history: %w", err)
			}
			rows = append(rows, r)
		}
		if err := found.Err(); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		for _, r := range rows {
			if _, err := exec(ctx, tx, "UPDATE calls SET names = ? WHERE id = ?", index(r.calling, r.called), r.id); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
		last = rows[len(rows)-1].id
	}
}
