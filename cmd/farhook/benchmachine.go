package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine says what the figures were measured on.
func machine() string {
	return fmt.Sprintf("farhook %s, %s %s/%s, %d processors, %s", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), processor())
}

// processor is the name of its kind, as the kernel has it.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "of a kind that isn't told"
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if name, value, ok := strings.Cut(in.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "of a kind that isn't told"
}
