package migrate

import "strings"

// statements splits SQL at the semicolons that end statements, each with the comments before it.
// A semicolon inside a text, a quoted name, a comment or a dollar-quoted body ends nothing; the body
// of a function is always dollar-quoted here (BEGIN ATOMIC is not followed). What stands behind the
// last semicolon is a statement, too, unless it is blank or a comment.
func statements(sql string) []string {
	var list []string
	start, empty := 0, true
	for i := 0; i < len(sql); {
		switch end := tokenEnd(sql, i); {
		case sql[i] == ';':
			if !empty {
				list = append(list, strings.TrimSpace(sql[start:i]))
			}
			start, empty, i = i+1, true, i+1
		case isBlank(sql[i:end]):
			i = end
		default:
			empty, i = false, end
		}
	}
	if rest := strings.TrimSpace(sql[start:]); !empty {
		list = append(list, rest)
	}
	return list
}

// isBlank tells white space and comments from what does something.
func isBlank(token string) bool {
	return strings.TrimSpace(token) == "" || strings.HasPrefix(token, "--") || strings.HasPrefix(token, "/*")
}

// tokenEnd gives the end of the text, quoted name, comment or body that begins at i, otherwise that
// of the one byte or word there. What is never closed ends with the SQL.
func tokenEnd(sql string, i int) int {
	rest := sql[i:]
	switch {
	case strings.HasPrefix(rest, "--"):
		return i + endOr(strings.IndexByte(rest, '\n'), 1, rest)
	case strings.HasPrefix(rest, "/*"):
		return i + commentLength(rest)
	case rest[0] == '\'':
		return i + 1 + endOr(strings.IndexByte(rest[1:], '\''), 1, rest[1:]) // a doubled quote begins the next text
	case rest[0] == '"':
		return i + 1 + endOr(strings.IndexByte(rest[1:], '"'), 1, rest[1:])
	case rest[0] == '$':
		if tag := dollarTag(rest); tag != "" {
			return i + len(tag) + endOr(strings.Index(rest[len(tag):], tag), len(tag), rest[len(tag):])
		}
		return i + 1
	case isWord(rest[0]):
		return i + wordLength(rest)
	default:
		return i + 1
	}
}

// endOr is where something ends that was found at an index; the whole where it was not.
func endOr(index, length int, whole string) int {
	if index < 0 {
		return len(whole)
	}
	return index + length
}

// commentLength measures a comment that may hold others.
func commentLength(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// dollarTag gives the tag that opens a body, such as $$ or $query$; empty where a dollar opens none.
func dollarTag(s string) string {
	end := strings.IndexByte(s[1:], '$')
	if end < 0 {
		return ""
	}
	tag := s[1 : end+1]
	for i := range len(tag) {
		if !isWord(tag[i]) || (i == 0 && tag[0] >= '0' && tag[0] <= '9') {
			return ""
		}
	}
	return s[:end+2]
}

// wordLength measures a name, keyword or number. The backslashes of an E” text escape its quotes.
func wordLength(s string) int {
	n := 1
	for n < len(s) && (isWord(s[n]) || s[n] == '$') {
		n++
	}
	if n == 1 && (s[0] == 'e' || s[0] == 'E') && len(s) > 1 && s[1] == '\'' {
		return escapedLength(s)
	}
	return n
}

// escapedLength measures an E” text.
func escapedLength(s string) int {
	for i := 2; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '\'':
			return i + 1
		}
	}
	return len(s)
}

func isWord(b byte) bool {
	return b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= 0x80
}
