package filter

import "strings"

// Lists writes out every IN LIST 'name@version' in text as the codes of that
// list, which codes returns. A list is looked up where it stands, so a text
// that names a version means the same for ever. Text without lists comes back
// as it was. What is inside quotes is never read as a list.
func Lists(text string, codes func(ref string) ([]string, error)) (string, error) {
	tokens, err := lex(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	from := 0
	for i := 0; i+2 < len(tokens); i++ {
		if tokens[i].word() != "IN" || tokens[i+1].word() != "LIST" || tokens[i+2].kind != tokText {
			continue
		}
		all, err := codes(tokens[i+2].text)
		if err != nil {
			return "", err
		}
		b.WriteString(text[from:tokens[i+1].at])
		for j, c := range all {
			b.WriteString([]string{"(", ", "}[min(j, 1)] + "'" + strings.ReplaceAll(c, "'", "''") + "'")
		}
		b.WriteString(")")
		from = tokens[i+2].at + quotedLength(text[tokens[i+2].at:])
		i += 2
	}
	if from == 0 {
		return text, nil
	}
	b.WriteString(text[from:])
	return b.String(), nil
}

// quotedLength is the length of the quoted text that s begins with.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] != s[0] {
			continue
		}
		if i+1 < len(s) && s[i+1] == s[0] {
			i++
			continue
		}
		return i + 1
	}
	return len(s)
}
