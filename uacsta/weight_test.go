package uacsta

import (
	"testing"
	"unsafe"
)

// 50,000 idle sessions are held at a time: one octet more here, and the allocator's next size costs 128 for each. What holds pointers has 8 octets of the allocator's own before it.
func TestWeightOfASession(t *testing.T) {
	if n := unsafe.Sizeof(session{}) + 8; n > 768 {
		t.Errorf("a session takes %d octets", n)
	}
}
