package history

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

const outboxColumns = "id, webhook, message, ordered, document, created, tries, next_try, dead, said"

// Queued is a document that waits for a webhook, or was given up.
type Queued struct {
	ID      int64     `json:"-"`
	Webhook string    `json:"webhook"`
	Message string    `json:"id" doc:"webhook-id: the same on every try"`
	Ordered string    `json:"ordered,omitempty" doc:"Documents with the same are delivered in order: the call, or the device"`
	Body    string    `json:"document" doc:"The document, as JSON"`
	Created time.Time `json:"created"`
	Tries   int       `json:"tries"`
	Next    time.Time `json:"next,omitzero" doc:"When it is tried again"`
	Dead    time.Time `json:"dead,omitzero" doc:"When it was given up"`
	Said    string    `json:"said,omitempty" doc:"What came of the last try"`
}

func (d *DB) queued(ctx context.Context, query string, args ...any) ([]Queued, error) {
	return list(ctx, d, func(rows *sql.Rows) (q Queued, err error) {
		var created, next, dead int64
		err = rows.Scan(&q.ID, &q.Webhook, &q.Message, &q.Ordered, &q.Body, &created, &q.Tries, &next, &dead, &q.Said)
		q.Created, q.Next, q.Dead = timeOf(created), timeOf(next), timeOf(dead)
		return q, err
	}, "SELECT "+outboxColumns+" FROM outbox "+query, args...)
}

// Waiting is what has to be known of a document that waits, to say when it may be sent.
type Waiting struct {
	ID      int64
	Ordered string
	Next    time.Time
}

// Waiting are the documents that wait for a webhook, oldest first, after the one with this id.
func (d *DB) Waiting(ctx context.Context, webhook string, after int64, limit int) ([]Waiting, error) {
	return list(ctx, d, func(rows *sql.Rows) (w Waiting, err error) {
		var next int64
		err = rows.Scan(&w.ID, &w.Ordered, &next)
		w.Next = timeOf(next)
		return w, err
	}, "SELECT id, ordered, next_try FROM outbox WHERE webhook = ? AND dead = 0 AND id > ? ORDER BY id LIMIT ?", webhook, after, limit)
}

// Queued is one document that waits. false: it doesn't any more.
func (d *DB) Queued(ctx context.Context, id int64) (Queued, bool, error) {
	list, err := d.queued(ctx, "WHERE id = ? AND dead = 0", id)
	if err != nil || len(list) == 0 {
		return Queued{}, false, err
	}
	return list[0], true, nil
}

// Dead are the documents of a webhook that were given up, oldest first, after the one with this message id.
func (d *DB) Dead(ctx context.Context, webhook, after string, limit int) ([]Queued, error) {
	return d.queued(ctx, "WHERE webhook = ? AND dead > 0 AND id > COALESCE((SELECT id FROM outbox WHERE message = ? AND webhook = ?), 0) ORDER BY id LIMIT ?", webhook, after, webhook, limit)
}

// Delivered takes a document out.
func (d *DB) Delivered(ctx context.Context, id int64) error {
	_, err := d.exec(ctx, "DELETE FROM outbox WHERE id = ?", id)
	return err
}

// Tried notes a try that came to nothing: when the next one is, or, where dead isn't zero, that it is given up.
func (d *DB) Tried(ctx context.Context, q Queued) error {
	_, err := d.exec(ctx, "UPDATE outbox SET tries = ?, next_try = ?, dead = ?, said = ? WHERE id = ?", q.Tries, ms(q.Next), ms(q.Dead), q.Said[:min(len(q.Said), 500)], q.ID)
	return err
}

// Redeliver puts documents that were given up back into the queue: one, or all of the webhook. It gives how many.
func (d *DB) Redeliver(ctx context.Context, webhook, message string) (n int64, err error) {
	statement, args := "UPDATE outbox SET dead = 0, tries = 0, next_try = 0, created = ? WHERE webhook = ? AND dead > 0", []any{ms(time.Now()), webhook}
	if message != "" {
		statement, args = statement+" AND message = ?", append(args, message)
	}
	return d.exec(ctx, statement, args...)
}

// PutAside gives up everything that waits for a webhook.
func (d *DB) PutAside(ctx context.Context, webhook, said string) error {
	_, err := d.exec(ctx, "UPDATE outbox SET dead = ?, said = ? WHERE webhook = ? AND dead = 0", ms(time.Now()), said, webhook)
	return err
}

// Send puts documents into the outbox. They are on disk when it returns.
func (d *DB) Send(ctx context.Context, out ...Sending) error {
	return d.writeBatch(ctx, nil, nil, out)
}

// DropOthers takes out what is for none of these webhooks: it was written when its own was being deleted.
func (d *DB) DropOthers(ctx context.Context, webhooks []string) error {
	_, err := d.exec(ctx, "DELETE FROM outbox WHERE webhook NOT IN (''"+strings.Repeat(", ?", len(webhooks))+")", anys(webhooks)...)
	return err
}

// Drop takes everything of a webhook out.
func (d *DB) Drop(ctx context.Context, webhook string) error {
	_, err := d.exec(ctx, "DELETE FROM outbox WHERE webhook = ?", webhook)
	return err
}
