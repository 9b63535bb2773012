package fingerprint

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"
)

// Item is one thing that the catalogue tells: an object, a right, a membership, a setting.
type Item struct {
	Kind, Name string
	// Text is the definition where that is short, "sha256 ..." of it where it is not.
	Text string
}

// String tells the item in a line.
func (i Item) String() string {
	if i.Text == "" {
		return i.Kind + " " + i.Name
	}
	return i.Kind + " " + i.Name + ": " + i.Text
}

// maxText is the length in bytes from which a definition is told by its hash.
const maxText = 160

// newItem makes an item of what the catalogue says.
func newItem(kind, name, definition string) Item {
	if kind != "function" && kind != "view" && kind != "rule" { // what holds statements stays as it is
		definition = canonical(definition)
	}
	if len(definition) > maxText || strings.ContainsAny(definition, "\n\t") {
		definition = fmt.Sprintf("sha256 %x", sha256.Sum256([]byte(definition)))
	}
	return Item{Kind: kind, Name: name, Text: definition}
}

func compareItems(a, b Item) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text))
}

// Sum is a fingerprint: SHA-256 of items in their order.
type Sum [sha256.Size]byte

func sumOf(items []Item) Sum {
	h := sha256.New()
	writeItems(h, items)
	return Sum(h.Sum(nil))
}

// writeItems gives each text with its length before it, so that no two lists have the same bytes.
func writeItems(h hash.Hash, items []Item) {
	for _, i := range items {
		for _, text := range []string{i.Kind, i.Name, i.Text} {
			_, _ = fmt.Fprintf(h, "%d:%s", len(text), text) // a hash's Write never fails
		}
	}
}

// month is the name under which the trail's monthly partitions stand.
const month = "audit_event_<month>"

// template names what a monthly partition has as every other names it.
func template(part, text string) string {
	first, err := time.Parse("audit_event_2006m01", part)
	if err != nil {
		return text
	}
	const layout = "2006-01-02 15:04:05+00"
	bounds := "('" + first.Format(layout) + "') TO ('" + first.AddDate(0, 1, 0).Format(layout) + "')"
	return strings.ReplaceAll(strings.ReplaceAll(text, bounds, "(<month>)"), part, month)
}

// Catalogue is what [Read] found.
type Catalogue struct {
	Version int    // the server's major version
	Items   []Item // of the schema and our roles, in order; those of the months' template once
	// Months are the items of each monthly partition, in the words of the template, by the partition's name.
	Months map[string][]Item
	// Host are a host's own objects that touch ours: logins that belong to our roles, foreign keys onto our
	// tables, event triggers and the like. They are told, and compared with nothing.
	Host []Item
}

// Sum gives the fingerprint. It does not depend on how many monthly partitions there are, as long as each is like
// the others.
func (c Catalogue) Sum() Sum {
	h := sha256.New()
	writeItems(h, c.Items)
	var months []string
	for _, items := range c.Months {
		sum := sumOf(items)
		months = append(months, string(sum[:]))
	}
	slices.Sort(months)
	for _, sum := range slices.Compact(months) {
		_, _ = h.Write([]byte(sum)) // a hash's Write never fails
	}
	return Sum(h.Sum(nil))
}

// HostSum gives the fingerprint of the host's own objects.
func (c Catalogue) HostSum() Sum { return sumOf(c.Host) }
