package preview

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Lengths of what a table shows, in characters and entries.
const (
	maxValue      = 60
	maxProperties = 8
	maxNames      = 3
)

// named is a resource, and those that change like it.
func named(c Change) string {
	text := code(short(c.Type)) + " " + code(c.Name)
	for i, other := range c.others {
		if i == maxNames {
			return fmt.Sprintf("%s and %d more", text, len(c.others)-i)
		}
		text += ", " + code(short(other.Type)) + " " + code(other.Name)
	}
	return text
}

// reasons are the properties that make a change a replacement; all of them if none does.
func reasons(c Change) string {
	var why []Property
	for _, p := range c.Properties {
		if p.Replaces {
			why = append(why, p)
		}
	}
	switch {
	case c.Action == Delete:
		return "it is not in the program any more"
	case len(why) == 0:
		return properties(c.Properties)
	}
	return properties(why)
}

func protection(c Change) string {
	if c.Protected {
		return "; it is protected, and the update will fail"
	}
	return ""
}

// properties are changes of values, such as "`memorySize` 1769 → 3072".
func properties(list []Property) string {
	var parts []string
	for i, p := range list {
		if i == maxProperties {
			parts = append(parts, fmt.Sprintf("%d more", len(list)-i))
			break
		}
		text := code(p.Path)
		before, after := shown(p.Before), shown(p.After)
		if before != after && (p.Before != "" || p.After != "") {
			text += " " + before + " → " + after
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "<br>")
}

// shown is a value that is short enough to be read in a table.
func shown(value string) string {
	switch {
	case value == "":
		return "none"
	case utf8.RuneCountInString(value) > maxValue || strings.Contains(value, "\n"):
		return "(long)"
	}
	return code(value)
}

// cell keeps a text in its cell.
var cell = strings.NewReplacer("\n", " ", "\r", " ", "|", `\|`)

// code is text in a table that Markdown does not interpret.
func code(text string) string {
	text = cell.Replace(text)
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + shorten(text, 200) + fence
}

// longestRun is the length of the longest sequence of a character.
func longestRun(text string, of rune) (longest int) {
	run := 0
	for _, r := range text {
		if run++; r != of {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// shorten cuts a text after so many characters.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + " …"
}

// count is a number of things, such as "1 error" and "2 errors".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// resources are a number of them, with the verb that fits.
func resources(n int, plural, singular string) string {
	if n == 1 {
		return "1 resource that " + singular
	}
	return fmt.Sprintf("%d resources that %s", n, plural)
}

func areOrIs(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
