package uacsta_test

import (
	"testing"
	"testing/synctest"

	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
	"farhook/uacsta/uactest"
)

// underFakeTime runs f with the gateway of newHouse, whose connections are in memory.
func underFakeTime(t *testing.T, f func(t *testing.T, h *house, l *uactest.Memory), change ...func(*uacsta.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := uactest.NewMemory()
		h := newHouseOn(t, l, func(p *faulty) pbxadapter.Adapter { return p }, switchboard.OwnLine{}, false, change...)
		f(t, h, l)
	})
}
