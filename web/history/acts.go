package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Act is something that is to be done once, under a name that its owner gave it.
type Act struct {
	Owner, Name string
	Request     string    // hash of what was asked for
	Device      string    // whose state tells what became of it
	Began       time.Time //
	Process     string    // which process does it
	Status      int       // of the answer; 0: it has none yet
	Headers     string    // of the answer, as JSON
	Body        string    // of the answer
}

// Begin notes an act as begun, unless there is one of that name already: then that one is given. It is on disk when it returns. What began before
// the given time is forgotten.
func (d *DB) Begin(ctx context.Context, a Act, forget time.Time) (before *Act, err error) {
	err = d.tx(ctx, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM acts WHERE began < ?", ms(forget)); err != nil {
			return err
		}
		o := Act{Owner: a.Owner, Name: a.Name}
		var began int64
		err := tx.QueryRowContext(ctx, "SELECT request, device, began, process, status, headers, body FROM acts WHERE owner = ? AND name = ?", a.Owner, a.Name).
			Scan(&o.Request, &o.Device, &began, &o.Process, &o.Status, &o.Headers, &o.Body)
		switch {
		case err == nil:
			o.Began = timeOf(began)
			before = &o
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("history: %w", err)
		}
		_, err = exec(ctx, tx, "INSERT INTO acts (owner, name, request, device, began, process, status, headers, body) VALUES (?, ?, ?, ?, ?, ?, 0, '', '')",
			a.Owner, a.Name, a.Request, a.Device, ms(a.Began), a.Process)
		return err
	})
	return before, err
}

// Finish notes the answer of an act. It is on disk when it returns.
func (d *DB) Finish(ctx context.Context, a Act) error {
	_, err := d.exec(ctx, "UPDATE acts SET status = ?, headers = ?, body = ? WHERE owner = ? AND name = ?", a.Status, a.Headers, a.Body, a.Owner, a.Name)
	return err
}

// Forget takes an act away that was refused before anything could happen.
func (d *DB) Forget(ctx context.Context, a Act) error {
	_, err := d.exec(ctx, "DELETE FROM acts WHERE owner = ? AND name = ?", a.Owner, a.Name)
	return err
}
