package fingerprint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Difference is an object that is not what it must be.
type Difference struct {
	Kind, Name string
	Want       string // what it must be; empty for what must not be there
	Got        string // what it is; empty for what is gone
}

// String tells the difference in a line.
func (d Difference) String() string {
	switch {
	case d.Got == "":
		return fmt.Sprintf("%s %s is gone: %s", d.Kind, d.Name, d.Want)
	case d.Want == "":
		return fmt.Sprintf("%s %s must not be there: %s", d.Kind, d.Name, d.Got)
	default:
		return fmt.Sprintf("%s %s is %s in place of %s", d.Kind, d.Name, d.Got, d.Want)
	}
}

// plainIndex is the kind of an index that only finds rows: it keeps nothing away and calls nobody's function. A host
// may make its own.
const plainIndex = "plain index"

// present stands for a definition that says nothing.
const present = "is there"

func shown(text string) string {
	if text == "" {
		return present
	}
	return text
}

// Flat gives all items of a database whose monthly partitions are alike, those of the template among them; ok is
// false where they are not, or there is none.
func (c Catalogue) Flat() (items []Item, ok bool) {
	var months []Item
	for _, m := range c.Months {
		if months != nil && !slices.Equal(months, m) {
			return nil, false
		}
		months = m
	}
	items = append(slices.Clone(c.Items), months...)
	slices.SortFunc(items, compareItems)
	return items, len(months) > 0
}

// Compare holds a catalogue against a golden list: what differs, in order, and the host's own objects, to which
// plain indexes count that it made on our tables.
func Compare(golden []Item, c Catalogue) (differences []Difference, host []Item) {
	months := slices.DeleteFunc(slices.Clone(golden), func(i Item) bool { return !isMonths(i) })
	others := slices.DeleteFunc(slices.Clone(golden), isMonths)
	host = slices.Clone(c.Host)
	for _, d := range diff(others, c.Items) {
		if d.Want == "" && d.Kind == plainIndex {
			host = append(host, Item{Kind: plainIndex, Name: d.Name, Text: d.Got})
			continue
		}
		differences = append(differences, d)
	}
	for _, part := range slices.Sorted(maps.Keys(c.Months)) {
		for _, d := range diff(months, c.Months[part]) {
			d.Name, d.Want, d.Got = actual(part, d.Name), actual(part, d.Want), actual(part, d.Got)
			differences = append(differences, d)
		}
	}
	if !slices.ContainsFunc(c.Items, func(i Item) bool { return i.Kind == "role" && i.Name == backup }) {
		differences = slices.DeleteFunc(differences, isBackups)
	}
	slices.SortFunc(host, compareItems)
	return differences, host
}

func actual(part, text string) string { return strings.ReplaceAll(text, month, part) }

// isBackups tells of what a server lacks on which nobody made the role of backups: only a superuser may.
func isBackups(d Difference) bool {
	isRole := d.Kind == "role" && d.Name == backup
	return d.Got == "" && (isRole || d.Kind == "right" && strings.HasSuffix(d.Name, " to "+backup))
}

// key is what an item is known by.
type key struct{ kind, name string }

func diff(want, got []Item) []Difference {
	texts := map[key]*Difference{}
	at := func(i Item) *Difference {
		k := key{i.Kind, i.Name}
		if texts[k] == nil {
			texts[k] = &Difference{Kind: i.Kind, Name: i.Name}
		}
		return texts[k]
	}
	for _, i := range want {
		d := at(i)
		d.Want = joined(d.Want, shown(i.Text))
	}
	for _, i := range got {
		d := at(i)
		d.Got = joined(d.Got, shown(i.Text))
	}
	var list []Difference
	for _, d := range texts {
		if d.Want != d.Got {
			list = append(list, *d)
		}
	}
	slices.SortFunc(list, func(a, b Difference) int {
		return compareItems(Item{Kind: a.Kind, Name: a.Name}, Item{Kind: b.Kind, Name: b.Name})
	})
	return list
}

// joined puts the texts of two things of one name together.
func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + " and " + b
}
