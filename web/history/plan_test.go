package history

import (
	"strings"
	"testing"
)

// The last contacts of a caller are asked for while his phone rings: an index finds them, and no call is read for nothing.
func TestContactsAreIndexed(t *testing.T) {
	db, err := Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	where, args := Query{Contact: "tel:+498912345"}.where()
	rows, err := db.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN SELECT "+callColumns+" FROM calls"+where+" ORDER BY id DESC LIMIT 3", args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(plan, "\n")
	if !strings.Contains(all, "legs_number") || strings.Contains(all, "SCAN") {
		t.Errorf("the plan is\n%s", all)
	}
}
