package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The limits and sizes that the page about capacity names are those that the program, the unit and the page of measurements have.
func TestCapacityPage(t *testing.T) {
	page := pages(t)["docs/capacity.md"]
	flat := defaults().flat()
	rows := 0
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)`[^|]*\\| ([^|]+?) \\|").FindAllStringSubmatch(page, -1) {
		rows++
		said, _, _ := strings.Cut(m[2], ", none") // what a peer has none of
		said = strings.ReplaceAll(said, ",", "")
		if n := 0; strings.HasSuffix(said, " MiB") {
			_, _ = fmt.Sscan(said, &n)
			said = fmt.Sprintf("%d octets", n<<20)
		}
		if flat[m[1]] != said {
			t.Errorf("%s is %s by default, the page says %s", m[1], flat[m[1]], m[2])
		}
	}
	if rows < 4 {
		t.Errorf("%d limits are named", rows)
	}
	for _, m := range regexp.MustCompile("`([a-z_.]+)` \\((\\d+) MiB\\)").FindAllStringSubmatch(page, -1) {
		n := 0
		_, _ = fmt.Sscan(m[2], &n)
		if rows++; flat[m[1]] != fmt.Sprintf("%d octets", n<<20) {
			t.Errorf("%s is %s by default, the page says %s MiB", m[1], flat[m[1]], m[2])
		}
	}
	if rows < 6 {
		t.Error("the sizes of wiretap and journal are not named")
	}
	unit, err := os.ReadFile(filepath.Join("..", "..", "packaging", "farhook.service"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Type=notify", "NotifyAccess=main", "WatchdogSec=30", "User=farhook"} {
		if !strings.Contains("\n"+string(unit), "\n"+line+"\n") {
			t.Errorf("the unit doesn't say %s", line)
		}
	}
	files := regexp.MustCompile(`(?m)^LimitNOFILE=(\d+)$`).FindStringSubmatch(string(unit))
	allows := regexp.MustCompile(`unit allows ([\d,]+)\s+descriptors`).FindStringSubmatch(page)
	if files == nil || allows == nil || strings.ReplaceAll(allows[1], ",", "") != files[1] {
		t.Errorf("the unit allows %v, the page says %v", files, allows)
	}
}
