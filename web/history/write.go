package history

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"farhook/web/names"
)

const callColumns = "id, call_id, pbx, began, answered, ended, calling_device, calling_number, calling_name, calling_shown, called_device, called_number, " +
	"called_name, called_shown, rang, talked, held, outcome, cause, transferred_by, transferred_to, joined_to, by_whom, reference"

const legColumns = "call_row, n, device, number, name, shown, state, since, began, answered, ended, rang, talked, held, outcome"

func marks(columns string) string {
	return "?" + strings.Repeat(", ?", strings.Count(columns, ","))
}

// perInsert is how many rows one statement holds: SQLite takes 32,766 parameters.
const perInsert = 100

// inserter gathers rows for statements of many rows.
type inserter struct {
	ctx     context.Context
	tx      *sql.Tx
	table   string
	columns string
	full    *sql.Stmt
	args    []any
	rows    int
}

func (n *inserter) add(values ...any) error {
	n.args = append(n.args, values...)
	if n.rows++; n.rows < perInsert {
		return nil
	}
	if n.full == nil {
		var err error
		if n.full, err = n.tx.PrepareContext(n.ctx, n.statement(perInsert)); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	_, err := n.full.ExecContext(n.ctx, n.args...)
	n.args, n.rows = n.args[:0], 0
	if err != nil {
		return fmt.Errorf("history: writing %s: %w", n.table, err)
	}
	return nil
}

func (n *inserter) statement(rows int) string {
	one := "(" + marks(n.columns) + ")"
	return "INSERT INTO " + n.table + " (" + n.columns + ") VALUES " + one + strings.Repeat(", "+one, rows-1)
}

func (n *inserter) done() error {
	if n.full != nil {
		defer n.full.Close()
	}
	if n.rows == 0 {
		return nil
	}
	if _, err := n.tx.ExecContext(n.ctx, n.statement(n.rows), n.args...); err != nil {
		return fmt.Errorf("history: writing %s: %w", n.table, err)
	}
	return nil
}

// writeBatch writes calls that have ended, calls that are open, and outgoing documents, all or nothing.
func (d *DB) writeBatch(ctx context.Context, ended, open []row, out []Sending) error {
	return d.tx(ctx, func(tx *sql.Tx) error {
		for _, list := range [][]row{ended, open} {
			for _, r := range list {
				if r.fresh {
					continue
				}
				for _, table := range [...]string{"calls WHERE id", "legs WHERE call_row"} {
					if _, err := exec(ctx, tx, "DELETE FROM "+table+" = ?", r.row); err != nil {
						return err
					}
				}
			}
		}
		calls := inserter{ctx: ctx, tx: tx, table: "calls", columns: callColumns + ", names"}
		legs := inserter{ctx: ctx, tx: tx, table: "legs", columns: legColumns}
		for _, list := range [][]row{ended, open} {
			for _, r := range list {
				if err := calls.add(callValues(r.Call)...); err != nil {
					return err
				}
				for i, l := range r.Legs {
					if err := legs.add(legValues(r.row, i, l)...); err != nil {
						return err
					}
				}
			}
		}
		outbox := inserter{ctx: ctx, tx: tx, table: "outbox", columns: outboxColumns}
		now := ms(time.Now())
		for _, o := range out {
			d.lastID++
			if err := outbox.add(d.lastID, o.Webhook, o.Message, o.Ordered, string(o.Document), now, 0, 0, 0, ""); err != nil {
				return err
			}
		}
		for _, n := range []*inserter{&calls, &legs, &outbox} {
			if err := n.done(); err != nil {
				return err
			}
		}
		return nil
	})
}

func callValues(c *Call) []any {
	return []any{
		c.row, string(c.CallID), c.PBX, ms(c.Began), ms(c.Answered), ms(c.Ended),
		string(c.Calling.Device), string(c.Calling.Number), c.Calling.Name, c.Calling.Shown,
		string(c.Called.Device), string(c.Called.Number), c.Called.Name, c.Called.Shown,
		c.Rang, c.Talked, c.Held, c.Outcome, c.Cause, c.TransferredBy, c.TransferredTo, string(c.JoinedTo), c.By, c.Reference,
		index(c.Calling.Name, c.Called.Name),
	}
}

// index is what is looked in for the names of a call's two sides; empty where it has none.
func index(calling, called string) string {
	if calling == "" && called == "" {
		return ""
	}
	return names.Index(calling) + "\n" + names.Index(called)
}

func legValues(id string, n int, l Leg) []any {
	return []any{
		id, n, string(l.Device), string(l.Party.Number), l.Party.Name, l.Party.Shown, string(l.state), ms(l.since), ms(l.Began), ms(l.Answered), ms(l.Ended),
		l.Rang, l.Talked, l.Held, l.Outcome,
	}
}
