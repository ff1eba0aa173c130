package wiretap_test

import (
	"encoding/binary"

	"farhook/pbxadapter"
)

// traced is a trace id with a number in it, which its first eight digits show; 0 is none.
func traced(n uint64) (t pbxadapter.TraceID) {
	binary.BigEndian.PutUint32(t[:], uint32(n))
	binary.BigEndian.PutUint64(t[8:], n)
	return t
}

func numberOf(t pbxadapter.TraceID) uint64 { return binary.BigEndian.Uint64(t[8:]) }
