package history

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"farhook/csta"
)

// Note is what somebody has noted about a line; without a device, for the whole desk.
type Note struct {
	Device  csta.DeviceID
	Text    string
	Until   time.Time // when it goes; zero: when somebody takes it away
	Changed time.Time
	By      string // ID of who wrote it
	Name    string // what he is called
}

// Notes lists them all, those that should have gone too.
func (d *DB) Notes(ctx context.Context) ([]Note, error) {
	rows, err := d.read.QueryContext(ctx, "SELECT device, text, until, changed, by_whom, name FROM notes ORDER BY device")
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer rows.Close()
	var list []Note
	for rows.Next() {
		var n Note
		var until, changed int64
		if err := rows.Scan(&n.Device, &n.Text, &until, &changed, &n.By, &n.Name); err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		n.Until, n.Changed = timeOf(until), timeOf(changed)
		list = append(list, n)
	}
	return list, rows.Err()
}

// PutNote stores a note in the place of the one that its device had; it is on disk when it returns.
func (d *DB) PutNote(ctx context.Context, n Note) error {
	return d.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM notes WHERE device = ?", string(n.Device)); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO notes (device, text, until, changed, by_whom, name) VALUES (?, ?, ?, ?, ?, ?)",
			string(n.Device), n.Text, ms(n.Until), ms(n.Changed), n.By, n.Name)
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		return nil
	})
}

// DeleteNote takes a device's note away, where there is one.
func (d *DB) DeleteNote(ctx context.Context, device csta.DeviceID) error {
	return d.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM notes WHERE device = ?", string(device)); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		return nil
	})
}
