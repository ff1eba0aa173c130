package main

import (
	"os"
	"runtime/debug"
)

// gcPercent lets the heap grow to three times what lives before it is collected: the journal and the sessions are many small things, to walk through them
// often costs more than the memory. docs/performance.md has the figures.
const gcPercent = 200

// tuneMemory sets it, unless GOGC says otherwise.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
