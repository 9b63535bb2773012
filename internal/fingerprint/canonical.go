package fingerprint

import "strings"

// canonical gives an expression, as the server words it, in the form that it has after a dump was restored: the
// server reads "((a AND b) AND c)" back as "(a AND b AND c)". Nothing else that stands in parentheses loses them, so
// two expressions of one form mean the same.
func canonical(text string) string {
	if !strings.Contains(text, "((") {
		return text
	}
	group, _ := readGroup(text, 0)
	return group.String()
}

// group is what stands in parentheses: texts and groups in turn.
type group struct {
	parts []part
}

// part is a text, or a group.
type part struct {
	text  string
	inner *group
}

// readGroup reads from a position up to the parenthesis that closes it, or to the end. Parentheses in quotes are texts.
func readGroup(text string, at int) (*group, int) {
	g, begin := &group{}, at
	for at < len(text) {
		switch text[at] {
		case '\'', '"':
			at = endOfQuote(text, at)
		case '(':
			g.parts = append(g.parts, part{text: text[begin:at]})
			var inner *group
			inner, at = readGroup(text, at+1)
			g.parts = append(g.parts, part{inner: inner})
			begin = at
		case ')':
			g.parts = append(g.parts, part{text: text[begin:at]})
			g.flatten(" AND ", " OR ")
			return g, at + 1
		default:
			at++
		}
	}
	g.parts = append(g.parts, part{text: text[begin:]})
	return g, at
}

// endOfQuote gives the position behind a quoted text. A doubled quote is two quoted texts side by side; a backslash
// quotes in what E begins.
func endOfQuote(text string, at int) int {
	quote := text[at]
	escapes := quote == '\'' && at > 0 && text[at-1] == 'E'
	for at++; at < len(text); at++ {
		switch {
		case escapes && text[at] == '\\':
			at++
		case text[at] == quote:
			return at + 1
		}
	}
	return len(text)
}

// flatten takes the parentheses off a group at the beginning that is joined by the same word as what follows it.
func (g *group) flatten(words ...string) {
	for _, word := range words {
		if len(g.parts) > 2 && g.parts[0].text == "" && strings.HasPrefix(g.parts[2].text, word) &&
			g.isJoinedBy(word, words) && g.parts[1].inner.isJoinedBy(word, words) {
			inner := g.parts[1].inner.parts
			g.parts = append(inner[:len(inner):len(inner)], g.parts[2:]...)
		}
	}
}

// isJoinedBy tells whether a group joins its parts by a word, and by no other.
func (g *group) isJoinedBy(word string, words []string) bool {
	joined := false
	for _, p := range g.parts {
		for _, w := range words {
			if strings.Contains(p.text, w) {
				if w != word {
					return false
				}
				joined = true
			}
		}
	}
	return joined
}

func (g *group) String() string {
	var b strings.Builder
	for _, p := range g.parts {
		if p.inner == nil {
			b.WriteString(p.text)
			continue
		}
		b.WriteString("(" + p.inner.String() + ")")
	}
	return b.String()
}
