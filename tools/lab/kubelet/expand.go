package kubelet

import "strings"

// expand replaces $(NAME) by a variable's value. Unknown names stay as they are, and $$ is a $.
func expand(text string, variables map[string]string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		if after, ok := strings.CutPrefix(rest, "$"); ok {
			out.WriteByte('$')
			text = after
			continue
		}
		name, after, ok := strings.Cut(strings.TrimPrefix(rest, "("), ")")
		value, known := variables[name]
		if !ok || !known || !strings.HasPrefix(rest, "(") {
			out.WriteByte('$')
			text = rest
			continue
		}
		out.WriteString(value)
		text = after
	}
}

func expandAll(texts []string, variables map[string]string) []string {
	list := make([]string, 0, len(texts))
	for _, text := range texts {
		list = append(list, expand(text, variables))
	}
	return list
}
