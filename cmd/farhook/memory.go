package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// gcPercent lets the heap grow to three times what lives before it is collected: the journal and the sessions are many small things, to walk through them
// often costs more than the memory. docs/performance.md has the figures.
const gcPercent = 200

// tuneMemory sets it, unless GOGC says otherwise; and a limit, unless GOMEMLIMIT does: nine tenths of what the process's control group may have.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		if most := groupLimit("/proc/self/cgroup", "/sys/fs/cgroup"); most > 0 {
			debug.SetMemoryLimit(most / 10 * 9)
		}
	}
}

// groupLimit is how much memory the control group of the process may have (version 2, as systemd's MemoryMax and containers set it), and those around it; 0:
// no limit is known.
func groupLimit(self, root string) (least int64) {
	text, err := os.ReadFile(self)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		for ; ok; group = filepath.Dir(group) {
			if text, err := os.ReadFile(filepath.Join(root, group, "memory.max")); err == nil {
				if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && (least == 0 || n < least) {
					least = n
				}
			}
			ok = group != "/" && group != "."
		}
	}
	return least
}

// Shares of the limit in use: at the first no new sessions and streams are taken any more, below the second they are again.
const (
	memoryTight = 0.85
	memoryFree  = 0.80
)

// memory stops admission before memory runs out: what stands goes on. Without a limit (GOMEMLIMIT, or the control group's) it does nothing.
type memory struct {
	tight atomic.Pointer[string] // why nothing new is taken; nil: it is
}

// admit is why nothing new is taken.
func (m *memory) admit() error {
	if why := m.tight.Load(); why != nil {
		return fmt.Errorf("%s: no new sessions and streams are taken", *why)
	}
	return nil
}

// watch looks every second, until ctx ends.
func (m *memory) watch(ctx context.Context, log *zap.Logger) error {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return nil
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		before := m.tight.Load() != nil
		if before && n%5 == 0 {
			runtime.GC() // with nothing new coming in there may be no other for minutes
		}
		used := inUse()
		m.judge(used, limit)
		switch now := m.tight.Load() != nil; {
		case now && !before:
			log.Warn("memory is near its limit: no new sessions and streams are taken", zap.Int64("used", used), zap.Int64("limit", limit))
		case before && !now:
			log.Info("memory is free again: new sessions and streams are taken", zap.Int64("used", used), zap.Int64("limit", limit))
		}
	}
}

func (m *memory) judge(used, limit int64) {
	switch share := float64(used) / float64(limit); {
	case share >= memoryTight:
		why := fmt.Sprintf("memory is near its limit (%d of %d MiB are in use)", used>>20, limit>>20)
		m.tight.Store(&why)
	case share < memoryFree:
		m.tight.Store(nil)
	}
}

// inUse is what lives: the heap as the last collection left it, and what isn't heap. What waits to be collected doesn't count: near the limit it soon is.
func inUse() (sum int64) {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/metadata/mcache/inuse:bytes"},
		{Name: "/memory/classes/metadata/mspan/inuse:bytes"},
		{Name: "/memory/classes/metadata/other:bytes"},
		{Name: "/memory/classes/os-stacks:bytes"},
		{Name: "/memory/classes/other:bytes"},
	}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			sum += int64(s.Value.Uint64())
		}
	}
	return sum
}
