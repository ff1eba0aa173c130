package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"farhook/csta"
	"farhook/web/names"
)

// Query is what is searched for. Empty members match everything.
type Query struct {
	From, To  time.Time       // begin
	Devices   []csta.DeviceID // a device that took part; nil: any, empty: none
	Number    string          // part of a number of either side
	Contact   csta.DeviceID   // this very number took part: found by an index
	Name      string          // part of a name of either side
	Outcome   string          // of the call
	Missed    csta.DeviceID   // calls that this line missed
	Reference string
	By        string
	PBX       string
	Before    string // rows before this one: the next page
	Limit     int    // 0: no limit
}

// where is the condition of a query and its arguments.
func (q Query) where() (string, []any) {
	var parts []string
	var args []any
	add := func(part string, values ...any) {
		parts, args = append(parts, part), append(args, values...)
	}
	if !q.From.IsZero() { // ids begin with the time, and are what is sorted by
		add("id >= ?", idAt(q.From))
	}
	if !q.To.IsZero() {
		add("id < ?", idAt(q.To))
	}
	if q.Devices != nil {
		if len(q.Devices) == 0 {
			add("1 = 0")
		} else {
			add("id IN (SELECT call_row FROM legs WHERE device IN (?"+strings.Repeat(", ?", len(q.Devices)-1)+"))", anys(q.Devices)...)
		}
	}
	if q.Number != "" {
		like := "%" + escape(q.Number) + "%"
		add(`(calling_number LIKE ? ESCAPE '!' OR called_number LIKE ? ESCAPE '!' OR id IN (SELECT call_row FROM legs WHERE number LIKE ? ESCAPE '!'))`, like, like, like)
	}
	if q.Contact != "" {
		add("id IN (SELECT call_row FROM legs WHERE number = ?)", string(q.Contact))
	}
	if q.Name != "" {
		// Rows of an older version that was used again for a while have no index: theirs are compared as they are.
		like := "%" + escape(strings.ToLower(q.Name)) + "%"
		part, which := `names = '' AND (LOWER(calling_name) LIKE ? ESCAPE '!' OR LOWER(called_name) LIKE ? ESCAPE '!')`, []any{like, like}
		for _, one := range names.PartOf(q.Name) {
			part, which = part+` OR names LIKE ? ESCAPE '!'`, append(which, "%"+escape(one)+"%")
		}
		add("("+part+")", which...)
	}
	if q.Missed != "" {
		add("id IN (SELECT call_row FROM legs WHERE device = ? AND outcome = 'missed')", string(q.Missed))
	}
	for column, value := range map[string]string{"outcome": q.Outcome, "reference": q.Reference, "by_whom": q.By, "pbx": q.PBX} {
		if value != "" {
			add(column+" = ?", value)
		}
	}
	if q.Before != "" {
		add("id < ?", q.Before)
	}
	add("ended > 0")
	return " WHERE " + strings.Join(parts, " AND "), args
}

// idAt is below the ids of all calls that began at a time or later, and above those of all others.
func idAt(t time.Time) string { return fmt.Sprintf("%012x", max(ms(t), 0)) }

// escape takes the meaning from the characters of LIKE.
func escape(s string) string { return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s) }

// Search finds finished calls, newest first.
func (d *DB) Search(ctx context.Context, q Query) ([]Call, error) {
	var list []Call
	err := d.Each(ctx, q, func(c Call) error {
		list = append(list, c)
		return nil
	})
	return list, err
}

// page is how many calls Each reads at a time: between pages nobody holds the file.
const page = 500

// Each gives finished calls to f, newest first, without holding them all. An error of f ends it.
func (d *DB) Each(ctx context.Context, q Query, f func(Call) error) error {
	left := q.Limit
	for {
		n := page
		if q.Limit > 0 {
			n = min(page, left)
		}
		where, args := q.where()
		list, err := d.calls(ctx, "SELECT "+callColumns+" FROM calls"+where+fmt.Sprintf(" ORDER BY id DESC LIMIT %d", n), args...)
		if err != nil {
			return err
		}
		for _, c := range list {
			if err := f(*c); err != nil {
				return err
			}
		}
		left -= len(list)
		if len(list) < n || q.Limit > 0 && left == 0 {
			return nil
		}
		q.Before = list[len(list)-1].ID
	}
}

// Find is one finished call by the name of its row.
func (d *DB) Find(ctx context.Context, id string) (Call, bool, error) {
	list, err := d.calls(ctx, "SELECT "+callColumns+" FROM calls WHERE id = ? AND ended > 0", id)
	if err != nil || len(list) == 0 {
		return Call{}, false, err
	}
	return *list[0], true, nil
}

// openCalls are the calls that have not ended, as far as is written.
func (d *DB) openCalls(ctx context.Context) ([]*Call, error) {
	return d.calls(ctx, "SELECT "+callColumns+" FROM calls WHERE ended = 0")
}

// calls reads calls with their legs.
func (d *DB) calls(ctx context.Context, query string, args ...any) ([]*Call, error) {
	all, err := list(ctx, d, scanCall, query, args...)
	if err != nil {
		return nil, err
	}
	byRow := make(map[string]*Call, len(all))
	for _, c := range all {
		byRow[c.row] = c
	}
	for some := range slices.Chunk(all, page) {
		if err := d.legsOf(ctx, some, byRow); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func scanCall(rows *sql.Rows) (*Call, error) {
	c := &Call{Legs: []Leg{}}
	var began, answered, ended int64
	err := rows.Scan(&c.row, &c.CallID, &c.PBX, &began, &answered, &ended,
		&c.Calling.Device, &c.Calling.Number, &c.Calling.Name, &c.Calling.Shown, &c.Called.Device, &c.Called.Number, &c.Called.Name, &c.Called.Shown,
		&c.Rang, &c.Talked, &c.Held, &c.Outcome, &c.Cause, &c.TransferredBy, &c.TransferredTo, &c.JoinedTo, &c.By, &c.Reference)
	c.ID, c.Began, c.Answered, c.Ended = c.row, timeOf(began), timeOf(answered), timeOf(ended)
	return c, err
}

func (d *DB) legsOf(ctx context.Context, calls []*Call, byRow map[string]*Call) error {
	args := make([]any, len(calls))
	for i, c := range calls {
		args[i] = c.row
	}
	type part struct {
		row string
		Leg
	}
	parts, err := list(ctx, d, func(rows *sql.Rows) (l part, err error) {
		var n int
		var since, began, answered, ended int64
		err = rows.Scan(&l.row, &n, &l.Device, &l.Party.Number, &l.Party.Name, &l.Party.Shown, &l.state, &since, &began, &answered, &ended, &l.Rang, &l.Talked, &l.Held, &l.Outcome)
		if l.Party.Shown == "known" {
			l.Party.Device = l.Device
		}
		l.since, l.Began, l.Answered, l.Ended = timeOf(since), timeOf(began), timeOf(answered), timeOf(ended)
		return l, err
	}, "SELECT "+legColumns+" FROM legs WHERE call_row IN (?"+strings.Repeat(", ?", len(args)-1)+") ORDER BY call_row, n", args...)
	for _, l := range parts {
		if c := byRow[l.row]; c != nil {
			c.Legs = append(c.Legs, l.Leg)
		}
	}
	return err
}

// Retain forgets finished calls that began before a time, and documents that were put aside before it, a few at a time so that nobody waits long. It gives
// how many calls.
func (d *DB) Retain(ctx context.Context, since time.Time) (calls int64, err error) {
	for n := int64(1); n > 0; {
		if n, err = d.exec(ctx, "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE dead > 0 AND dead < ? LIMIT 500)", ms(since)); err != nil {
			return 0, err
		}
	}
	for {
		n, err := d.forget(ctx, "SELECT id FROM calls WHERE id < ? AND ended > 0 ORDER BY id LIMIT 500", idAt(since))
		if calls += n; err != nil || n == 0 {
			return calls, err
		}
	}
}

func (d *DB) forget(ctx context.Context, which string, args ...any) (n int64, err error) {
	err = d.tx(ctx, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM legs WHERE call_row IN ("+which+")", args...); err != nil {
			return err
		}
		n, err = exec(ctx, tx, "DELETE FROM calls WHERE id IN ("+which+")", args...)
		return err
	})
	return n, err
}

// Erased is what an erasure has touched.
type Erased struct{ Calls, Legs, Documents int64 }

// Erase takes what is personal out of the finished calls: of a number (as it was shown, canonical), or of whoever did it (By). The calls stay, as calls
// of somebody unknown. Documents that wait for webhooks and hold the number go too.
func (d *DB) Erase(ctx context.Context, number, by string) (e Erased, err error) {
	err = d.tx(ctx, func(tx *sql.Tx) error {
		run := func(count *int64, query string, args ...any) error {
			n, err := exec(ctx, tx, query, args...)
			*count += n
			return err
		}
		if by != "" {
			if err := run(&e.Calls, "UPDATE calls SET by_whom = '' WHERE by_whom = ? AND ended > 0", by); err != nil {
				return err
			}
			name, err := json.Marshal(by)
			if err != nil {
				return fmt.Errorf("history: %w", err)
			}
			return run(&e.Documents, "DELETE FROM outbox WHERE document LIKE ? ESCAPE '!'", `%"by":`+escape(string(name))+"%")
		}
		for _, side := range [...]string{"calling", "called"} {
			if err := run(&e.Calls, fmt.Sprintf("UPDATE calls SET %[1]s_device = '', %[1]s_number = '', %[1]s_name = '', %[1]s_shown = 'notKnown', names = '' WHERE (%[1]s_number = ? OR %[1]s_device = ?) AND ended > 0", side), number, number); err != nil {
				return err
			}
		}
		if err := fold(ctx, tx); err != nil { // the other side is found as before
			return err
		}
		for _, column := range [...]string{"transferred_by", "transferred_to"} {
			if err := run(&e.Calls, "UPDATE calls SET "+column+" = '' WHERE "+column+" = ? AND ended > 0", number); err != nil {
				return err
			}
		}
		if err := run(&e.Legs, "UPDATE legs SET device = '', number = '', name = '', shown = 'notKnown' WHERE (number = ? OR device = ?) AND ended > 0", number, number); err != nil {
			return err
		}
		// Answers that are kept to be given again, too: what is left of one says only that it was done.
		acts, inActs, err := holds("body", number)
		if err != nil {
			return err
		}
		if err := run(new(int64), "UPDATE acts SET body = '{}' WHERE status > 0 AND "+acts, inActs...); err != nil {
			return err
		}
		documents, inDocuments, err := holds("document", number)
		if err != nil {
			return err
		}
		return run(&e.Documents, "DELETE FROM outbox WHERE "+documents, inDocuments...)
	})
	return e, err
}

// holds is the condition that a column, which holds JSON, has a number in it: as a text of its own, with parameters after it, or between quotes in a text
// for people. A number that is only part of another, or of a time, isn't it.
func holds(column, number string) (condition string, args []any, err error) {
	text, err := json.Marshal(number)
	if err != nil {
		return "", nil, fmt.Errorf("history: %w", err)
	}
	plain := strings.Trim(string(text), `"`)
	for _, whole := range [...]string{`"` + plain + `"`, `"` + plain + `;`, `\"` + plain + `\"`} {
		args = append(args, "%"+escape(whole)+"%")
	}
	like := column + " LIKE ? ESCAPE '!'"
	return "(" + like + " OR " + like + " OR " + like + ")", args, nil
}
