package switchboard_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	. "farhook/pbxadapter/switchboard"
	"farhook/pbxadapter/switchboard/audit"
)

func TestAuditOfControl(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	record, err := audit.Open(path, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := record.Close(); err != nil {
			t.Error(err)
		}
	})
	pbx, err := sim.New(pbxadapter.Options{Name: "sim"}, sim.Config{Lines: 24})
	if err != nil {
		t.Fatal(err)
	}
	b := New(OwnLine{}, Options{Audit: record}, PBX{Name: "sim", Adapter: pbx})
	serve(t, b)
	awaitUp(b)
	who := Principal{User: "sip:bob@example.com", Line: d2, Via: "sip", Peer: "10.0.0.1"}
	ctx := pbxadapter.WithTrace(t.Context(), pbxadapter.NewTrace())
	if _, err := b.Do(ctx, who, csta.MakeCall{CallingDevice: d2, CalledDirectoryNumber: "1003"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Do(ctx, who, csta.SnapshotDevice{SnapshotObject: d2}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Do(ctx, who, csta.MakeCall{CallingDevice: d1, CalledDirectoryNumber: "1003"}); !errors.Is(err, csta.ErrPrivilege) {
		t.Fatalf("another's line: %v", err)
	}
	if err := record.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []audit.Entry
	for line := range strings.Lines(string(text)) {
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	same := audit.Entry{User: who.User, Via: "sip", Peer: who.Peer, Service: "MakeCall", Number: "1003", Trace: pbxadapter.Trace(ctx).String()}
	done, refused := same, same
	done.Act, done.Line, done.Result = audit.Controlled, string(d2), "ok"
	refused.Act, refused.Line, refused.Result = audit.Refused, string(d1), "operation/privilegeViolationSpecifiedDevice"
	if d := cmp.Diff([]audit.Entry{{Act: audit.Opened}, done, refused}, got, cmpopts.IgnoreFields(audit.Entry{}, "At")); d != "" {
		t.Error(d)
	}
}
