package history_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web/history"
)

// house is a board with a simulated PBX and a spool that follows it.
type house struct {
	t     *testing.T
	db    *history.DB
	board *switchboard.Board
	pbx   *sim.PBX
	clock *sim.ManualClock
	stop  func()
}

var operator = switchboard.Principal{User: "token:abc", Via: "http"}

func open(t *testing.T, path string) *history.DB {
	t.Helper()
	db, err := history.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newHouse(t *testing.T, db *history.DB) *house {
	t.Helper()
	clock := sim.NewClock(time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC))
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24, Quiet: true, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return furnish(t, db, pbx, clock)
}

// furnish puts a gateway on a PBX that may have calls already.
func furnish(t *testing.T, db *history.DB, pbx *sim.PBX, clock *sim.ManualClock) *house {
	t.Helper()
	h := &house{t: t, db: db, pbx: pbx, clock: clock}
	h.board = switchboard.New(switchboard.AnyLine{}, switchboard.Options{}, switchboard.PBX{Name: "sim", Adapter: pbx})
	spool, err := history.NewSpool(t.Context(), db, h.board, zap.NewNop(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- h.board.Run(ctx) }()
	spooling, stopSpool := context.WithCancel(context.Background())
	go func() { done <- spool.Run(spooling) }()
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		stopSpool()
		err := <-done
		cancel()
		if err = errors.Join(err, <-done); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(h.stop)
	for up := false; !up; {
		d, ok := h.board.Device(operator, "tel:+15551001")
		if up = ok && d.LinkUp; !up {
			time.Sleep(time.Millisecond)
		}
	}
	return h
}

func (h *house) do(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// await waits until a query finds as many calls.
func (h *house) await(q history.Query, want int) []history.Call {
	h.t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		list, err := h.db.Search(h.t.Context(), q)
		if err != nil {
			h.t.Fatal(err)
		}
		if len(list) == want {
			return list
		}
		if time.Since(began) > 20*time.Second {
			h.t.Fatalf("%d calls, want %d: %+v", len(list), want, list[:min(len(list), 10)])
		}
	}
}

func line(ext int) csta.DeviceID { return csta.DeviceID("tel:+" + strconv.Itoa(15550000+ext)) }

// What a call was, is all there: who, whom, when, how long, whither, how it ended, by whom, under which reference.
func TestCallsAreKept(t *testing.T) {
	h := newHouse(t, open(t, ""))
	res, err := h.board.Do(switchboard.WithReference(t.Context(), "case 7"), operator, csta.MakeCall{CallingDevice: "1001", CalledDirectoryNumber: "1002", AutoOriginate: csta.AutoOriginateDoNotPrompt})
	h.do(err)
	h.clock.Advance(4 * time.Second)
	h.do(h.pbx.Phone(1002).Answer())
	h.clock.Advance(30 * time.Second)
	h.do(h.pbx.Phone(1002).Hold())
	h.clock.Advance(10 * time.Second)
	h.do(h.pbx.Phone(1002).Retrieve())
	h.clock.Advance(20 * time.Second)
	h.do(h.pbx.Phone(1001).HangUp())
	c := h.await(history.Query{Devices: []csta.DeviceID{line(1002)}}, 1)[0]
	if c.CallID != res.(csta.MakeCallResponse).CallingDevice.Call || c.PBX != "sim" || c.Calling.Number != line(1001) || c.Called.Number != line(1002) || c.Calling.Name == "" {
		t.Errorf("who: %+v", c)
	}
	if c.Rang != 4000 || c.Talked != 50000 || c.Held != 10000 || c.Ended.Sub(c.Began) != 64*time.Second {
		t.Errorf("how long: rang %d, talked %d, held %d, in all %v", c.Rang, c.Talked, c.Held, c.Ended.Sub(c.Began))
	}
	if c.Outcome != history.Answered || c.Cause != "normalClearing" || c.By != "token:abc" || c.Reference != "case 7" {
		t.Errorf("%q %q %q %q", c.Outcome, c.Cause, c.By, c.Reference)
	}
	if len(c.Legs) != 2 || c.Legs[1].Device != line(1002) || c.Legs[1].Rang != 4000 || c.Legs[1].Held != 10000 || c.Legs[1].Outcome != history.Answered {
		t.Errorf("%+v", c.Legs)
	}
}

func TestOutcomes(t *testing.T) {
	h := newHouse(t, open(t, ""))
	step := func() { h.clock.Advance(time.Second) }
	// Missed by 1002.
	h.do(h.pbx.Phone(1001).Dial(line(1002)))
	step()
	h.do(h.pbx.Phone(1001).HangUp())
	// A consultation that becomes a transfer: two entries, one of which says where it went on.
	h.do(h.pbx.Phone(1003).Dial(line(1004)))
	step()
	h.do(h.pbx.Phone(1004).Answer())
	h.do(h.pbx.Phone(1004).Consult(line(1005)))
	step()
	h.do(h.pbx.Phone(1005).Answer())
	h.do(h.pbx.Phone(1004).Transfer())
	step()
	h.do(h.pbx.Phone(1003).HangUp())
	// A withheld caller.
	h.do(h.pbx.Outside("tel:+498912344").Dial(line(1006)))
	step()
	h.do(h.pbx.Phone(1006).Answer())
	step()
	h.do(h.pbx.Phone(1006).HangUp())
	all := h.await(history.Query{}, 4)
	by := func(f func(history.Call) bool) history.Call {
		i := slices.IndexFunc(all, f)
		if i < 0 {
			t.Fatalf("no such call in %+v", all)
		}
		return all[i]
	}
	missed := by(func(c history.Call) bool { return c.Called.Number == line(1002) })
	if missed.Outcome != history.Missed || missed.Legs[1].Outcome != history.Missed || missed.Legs[0].Outcome != history.Outgoing || missed.Talked != 0 || missed.Rang != 1000 {
		t.Errorf("%+v", missed)
	}
	if list := h.await(history.Query{Missed: line(1002)}, 1); list[0].ID != missed.ID {
		t.Errorf("%+v", list)
	}
	h.await(history.Query{Missed: line(1001)}, 0)
	moved := by(func(c history.Call) bool { return c.TransferredTo != "" && c.Outcome == history.Answered })
	if moved.TransferredTo != string(line(1005)) || moved.TransferredBy != string(line(1004)) {
		t.Errorf("%+v", moved)
	}
	consultation := by(func(c history.Call) bool { return c.Outcome == history.Joined })
	if consultation.JoinedTo != moved.CallID {
		t.Errorf("%+v, want joined to %s", consultation, moved.CallID)
	}
	withheld := by(func(c history.Call) bool { return c.Called.Number == line(1006) })
	if strings.Contains(fmt.Sprintf("%+v", withheld), "498912344") || withheld.Calling.Shown != "restricted" {
		t.Errorf("the withheld caller is there: %+v", withheld)
	}
}

func TestSearchAndPages(t *testing.T) {
	h := newHouse(t, open(t, ""))
	for i := range 7 {
		h.do(h.pbx.Phone(1001).Dial(line(1002 + i%2)))
		h.clock.Advance(time.Second)
		h.do(h.pbx.Phone(1001).HangUp())
	}
	h.await(history.Query{}, 7)
	var seen []string
	for before := ""; ; {
		list, err := h.db.Search(t.Context(), history.Query{Limit: 3, Before: before})
		h.do(err)
		for _, c := range list {
			seen = append(seen, c.ID)
		}
		if len(list) < 3 {
			break
		}
		before = list[2].ID
	}
	if len(seen) != 7 || !slices.IsSortedFunc(seen, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("%v", seen)
	}
	h.await(history.Query{Number: "5551003"}, 3)
	h.await(history.Query{Number: "%"}, 0)
	h.await(history.Query{Contact: line(1003)}, 3)
	h.await(history.Query{Contact: line(1003), Devices: []csta.DeviceID{line(1002)}}, 0)
	h.await(history.Query{Contact: "tel:+1555100"}, 0)
	h.await(history.Query{Name: "BRANDT"}, 7)
	h.await(history.Query{Name: "Brændt"}, 7)
	h.await(history.Query{Name: "braendt"}, 7) // spelled otherwise
	h.await(history.Query{Name: "%"}, 0)
	h.await(history.Query{Name: "randx"}, 0)
	h.await(history.Query{Devices: []csta.DeviceID{}}, 0)
	h.await(history.Query{From: h.clock.Now().Add(-2500 * time.Millisecond)}, 2)
	h.await(history.Query{To: h.clock.Now().Add(-2500 * time.Millisecond)}, 5)
	stop := errors.New("enough")
	if err := h.db.Each(t.Context(), history.Query{}, func(history.Call) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

func TestRetentionAndErasure(t *testing.T) {
	h := newHouse(t, open(t, ""))
	for _, to := range []int{1002, 1003} {
		h.do(h.pbx.Phone(1001).Dial(line(to)))
		h.clock.Advance(time.Hour)
		h.do(h.pbx.Phone(1001).HangUp())
	}
	h.await(history.Query{}, 2)
	e, err := h.db.Erase(t.Context(), string(line(1003)), "")
	h.do(err)
	if e.Calls != 1 || e.Legs != 1 {
		t.Errorf("%+v", e)
	}
	h.await(history.Query{Number: "1003"}, 0)
	h.await(history.Query{Devices: []csta.DeviceID{line(1003)}}, 0)
	h.await(history.Query{Devices: []csta.DeviceID{line(1001)}}, 2) // the call itself stays
	n, err := h.db.Retain(t.Context(), h.clock.Now().Add(-90*time.Minute))
	h.do(err)
	if n != 1 {
		t.Errorf("%d calls forgotten", n)
	}
	h.await(history.Query{}, 1)
}

// Calls that were open when the process died go on where they are still up, and end as unknown where they are gone. References come back.
func TestOpenCallsAreReconciled(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "history.db"))
	h := newHouse(t, db)
	_, err := h.board.Do(switchboard.WithReference(t.Context(), "stays"), operator, csta.MakeCall{CallingDevice: "1001", CalledDirectoryNumber: "1002", AutoOriginate: csta.AutoOriginateDoNotPrompt})
	h.do(err)
	h.do(h.pbx.Phone(1002).Answer())
	h.do(h.pbx.Phone(1003).Dial(line(1004)))
	h.do(h.pbx.Phone(1004).Answer())
	h.clock.Advance(time.Minute)
	h.stop() // the spool writes what it has; the calls are open
	h.do(h.pbx.Phone(1003).HangUp())
	again := furnish(t, db, h.pbx, h.clock)
	gone := again.await(history.Query{}, 1)[0]
	if gone.Calling.Number != line(1003) || gone.Outcome != history.Unknown || gone.Cause != "unknown, gateway restarted" {
		t.Errorf("%+v", gone)
	}
	again.clock.Advance(time.Minute)
	h.do(again.pbx.Phone(1001).HangUp())
	stayed := again.await(history.Query{Reference: "stays"}, 1)[0]
	if stayed.Outcome != history.Answered || stayed.Ended.Sub(stayed.Began) != 2*time.Minute {
		t.Errorf("%+v", stayed)
	}
	again.await(history.Query{}, 2)
}

// A disk that takes its time loses nothing: what happens meanwhile is noted, and written afterwards.
func TestSlowDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	h := newHouse(t, open(t, path))
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	busy, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const calls = 2500 // some 20,000 entries: more than wait for one follower
	for i := range calls {
		h.do(h.pbx.Phone(1001).Dial(line(1002)))
		h.do(h.pbx.Phone(1001).HangUp())
		if i == calls/10 {
			time.Sleep(history.Batch + 100*time.Millisecond) // it is writing now, and waits
		}
		if i%100 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if err := busy.Rollback(); err != nil {
		t.Fatal(err)
	}
	for _, c := range h.await(history.Query{}, calls) {
		if c.Outcome != history.Missed {
			t.Fatalf("%+v", c)
		}
	}
}

// What has ended is in the file a second later: so much a process that is killed loses at most.
func TestWrittenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open(t, filepath.Join(t.TempDir(), "history.db")))
		for n := range 30 {
			time.Sleep(history.Batch * 7 / 10) // at any moment between two batches
			h.do(h.pbx.Phone(1001).Dial(line(1002)))
			h.do(h.pbx.Phone(1001).HangUp())
			time.Sleep(history.Batch)
			synctest.Wait()
			if list, err := h.db.Search(t.Context(), history.Query{}); err != nil || len(list) != n+1 || list[0].Ended.IsZero() {
				t.Fatalf("%d of %d calls have been written, %v", len(list), n+1, err)
			}
		}
	})
}

// A process that is killed under load loses nothing that it knew to be written.
func TestKilled(t *testing.T) {
	if path := os.Getenv("FARHOOK_TEST_HISTORY"); path != "" {
		load(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "history.db")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "FARHOOK_TEST_HISTORY="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ended, written int
	for began := time.Now(); written == 0 || time.Since(began) < 4*time.Second; {
		if n, err := fmt.Fscanln(out, &ended, &written); n != 2 || err != nil {
			t.Fatal("the child has ended too early:", err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	db := open(t, path)
	list, err := db.Search(t.Context(), history.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < written {
		t.Errorf("%d calls are there, %d were written before the kill", len(list), written)
	}
	t.Logf("%d calls had ended, %d were known to be written, %d are there", ended, written, len(list))
}

// load makes calls as fast as it can, and says how many have ended, and how many it has read back.
func load(t *testing.T, path string) {
	h := newHouse(t, open(t, path))
	for n := 1; ; n++ {
		if err := h.pbx.Phone(1001).Dial(line(1002)); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Second)
		if err := h.pbx.Phone(1001).HangUp(); err != nil {
			t.Fatal(err)
		}
		if n%500 == 0 {
			list, err := h.db.Search(t.Context(), history.Query{})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println(n, len(list))
		}
		time.Sleep(200 * time.Microsecond) // the machine has others to serve
	}
}

func TestRefusesWhatIsNotIts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := history.Open(path, nil); err == nil || !strings.Contains(err.Error(), "history.db") {
		t.Errorf("%v", err)
	}
	if b, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(b), "not a database") {
		t.Error("the file was changed")
	}
}
