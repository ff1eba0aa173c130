package store

import (
	"database/sql"
	"fmt"
)

// How many records are read at a time: with the largest values they take 16 MiB.
const page = 64

// Load calls f with every record on disk, in the order of keys; what is put meanwhile may be seen or not. f may keep value, and call Put and Delete.
// It ends at the first error, f's included. Values and keys beyond the bounds, which this package doesn't write, are passed over.
func (s *Store) Load(f func(key string, value []byte) error) error {
	s.mu.Lock()
	db := s.db
	s.mu.Unlock()
	if db == nil {
		return s.loadAsItIs(f)
	}
	after := []byte{}
	for {
		records, err := readPage(db, after)
		if err != nil {
			return fmt.Errorf("session store %s: %w", s.path, explain(err))
		}
		if len(records) == 0 {
			return nil
		}
		for _, r := range records {
			if err := f(string(r.key), r.value); err != nil {
				return err
			}
		}
		after = records[len(records)-1].key
	}
}

type record struct{ key, value []byte }

// readPage reads the page behind a key. The connection is free again before anyone sees it, so that the writer never waits for a caller.
func readPage(db *sql.DB, after []byte) (_ []record, err error) {
	rows, err := db.Query("SELECT key, value FROM session WHERE key > ? AND length(key) <= ? AND length(value) <= ? ORDER BY key LIMIT ?",
		after, MaxKey, MaxValue, page)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var records []record
	for rows.Next() {
		var r record
		if err := rows.Scan(&r.key, &r.value); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}
