package switchboard

import (
	"context"

	"farhook/csta"
	"farhook/csta/callmodel"
)

type referenceKey struct{}

// WithReference gives the calls that a request makes an integrator's own reference: every entry about them carries it, through transfers and
// conferences, until they end.
func WithReference(ctx context.Context, reference string) context.Context {
	return context.WithValue(ctx, referenceKey{}, reference)
}

// Reference is the reference of a call that is up, by its present name; empty where it has none.
func (b *Board) Reference(id csta.CallID) string {
	j := b.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.refs[id]
}

// Refer gives a call a reference that an earlier process knew. It is for the time before the PBX has told its state.
func (b *Board) Refer(id csta.CallID, reference string) {
	j := b.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refs[id] = reference
}

// refer keeps the references as calls come, are joined and end, and gives those of an event's calls; nil where none has one. The journal is locked.
//
// Every call that is up has an entry in refs, also without a reference: so it is known which call an event begins.
func (j *journal) refer(t callmodel.Told, reference string) []string {
	if len(t.Calls) == 0 {
		return nil
	}
	found, inherited := false, ""
	refs := make([]string, len(t.Calls))
	for i, id := range t.Calls {
		ref, known := j.refs[id]
		switch last := i == len(t.Calls)-1; {
		case !known && t.After[i] != nil && len(t.Calls) == 1:
			ref = reference
		case last && ref == "":
			ref = inherited
		}
		refs[i] = ref
		if ref != "" {
			found = true
			if inherited == "" {
				inherited = ref
			}
		}
		_, ended := t.Event.(csta.CallClearedEvent)
		if joined := t.After[i] == nil && i < len(t.Calls)-1; ended || joined {
			delete(j.refs, id)
		} else {
			j.refs[id] = ref
		}
	}
	if !found {
		return nil
	}
	return refs
}
