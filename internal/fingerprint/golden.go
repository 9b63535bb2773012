package fingerprint

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed golden
var goldenFiles embed.FS

// Mode is the way in which a database knows who acts.
type Mode string

// The modes.
const (
	Ordinary Mode = "ordinary"
	Hardened Mode = "hardened"
)

// The marks that begin the lines of a golden text: of both modes, or of one.
const (
	inBoth     = "="
	inOrdinary = "o"
	inHardened = "h"
)

// Golden gives what a fresh database of the version and mode has; ok is false for a version of which no text is
// built in.
func Golden(version int, mode Mode) (items []Item, ok bool) {
	all, ok := goldens()[version]
	return all[mode], ok
}

// Versions gives the major versions of which there is a golden text, ascending.
func Versions() []int {
	var list []int
	for version := range goldens() {
		list = append(list, version)
	}
	slices.Sort(list)
	return list
}

var goldens = sync.OnceValue(func() map[int]map[Mode][]Item {
	entries, err := goldenFiles.ReadDir("golden")
	if err != nil {
		panic(err) // it is embedded
	}
	list := map[int]map[Mode][]Item{}
	for _, entry := range entries {
		var version int
		if _, err := fmt.Sscanf(entry.Name(), "%d.txt", &version); err != nil {
			continue // a note for readers
		}
		text, err := goldenFiles.ReadFile("golden/" + entry.Name())
		if err == nil {
			list[version], err = parseGolden(string(text))
		}
		if err != nil {
			panic(err) // they are embedded, and a test reads them
		}
	}
	return list
})

// parseGolden reads a golden text: a line per item, of mark, kind, name and text, with tabs between.
func parseGolden(text string) (map[Mode][]Item, error) {
	list := map[Mode][]Item{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 {
			return nil, fmt.Errorf("fingerprint: no line of a golden text: %q", line)
		}
		item := Item{Kind: fields[1], Name: fields[2], Text: fields[3]}
		if fields[0] != inHardened {
			list[Ordinary] = append(list[Ordinary], item)
		}
		if fields[0] != inOrdinary {
			list[Hardened] = append(list[Hardened], item)
		}
	}
	return list, nil
}

// FormatGolden writes the golden text of what a fresh database has in both modes.
func FormatGolden(ordinary, hardened []Item) string {
	marks := map[Item]string{}
	for _, i := range ordinary {
		marks[i] = inOrdinary
	}
	for _, i := range hardened {
		if marks[i] = inHardened; slices.Contains(ordinary, i) {
			marks[i] = inBoth
		}
	}
	items := make([]Item, 0, len(marks))
	for i := range marks {
		items = append(items, i)
	}
	slices.SortFunc(items, compareItems)
	var b strings.Builder
	b.WriteString("# What a fresh database has: mark (= both modes, o ordinary, h hardened), kind, name, definition.\n" +
		"# Written by: go test ./internal/fingerprint -run TestGolden -update\n")
	for _, i := range items {
		b.WriteString(strings.Join([]string{marks[i], i.Kind, i.Name, i.Text}, "\t") + "\n")
	}
	return b.String()
}
