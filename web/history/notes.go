package history

import (
	"context"
	"database/sql"
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
	return list(ctx, d, func(rows *sql.Rows) (n Note, err error) {
		var until, changed int64
		err = rows.Scan(&n.Device, &n.Text, &until, &changed, &n.By, &n.Name)
		n.Until, n.Changed = timeOf(until), timeOf(changed)
		return n, err
	}, "SELECT device, text, until, changed, by_whom, name FROM notes ORDER BY device")
}

// PutNote stores a note in the place of the one that its device had; it is on disk when it returns.
func (d *DB) PutNote(ctx context.Context, n Note) error {
	return d.tx(ctx, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM notes WHERE device = ?", string(n.Device)); err != nil {
			return err
		}
		_, err := exec(ctx, tx, "INSERT INTO notes (device, text, until, changed, by_whom, name) VALUES (?, ?, ?, ?, ?, ?)",
			string(n.Device), n.Text, ms(n.Until), ms(n.Changed), n.By, n.Name)
		return err
	})
}

// DeleteNote takes a device's note away, where there is one.
func (d *DB) DeleteNote(ctx context.Context, device csta.DeviceID) error {
	_, err := d.exec(ctx, "DELETE FROM notes WHERE device = ?", string(device))
	return err
}
