package asterisk

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the README and the page about Asterisk say was tried is what was tried, no less and no more.
func TestWhatWorksIsSaid(t *testing.T) {
	for file, row := range map[string]string{
		"../../README.md":        `(?m)^\| \*\*Works with\*\* \|.*?\bAsterisk ([^;]*), seen`,
		"../../docs/asterisk.md": `have been seen, ([^;:]*?)[;:]`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(row).FindStringSubmatch(strings.ReplaceAll(string(text), "\r\n", "\n"))
		if m == nil {
			t.Fatalf("%s doesn't say what works", file)
		}
		said := regexp.MustCompile(`\d+\.\d+`).FindAllString(m[1], -1)
		if !slices.Equal(said, tried) {
			t.Errorf("%s says %v, tried were %v", file, said, tried)
		}
	}
}
