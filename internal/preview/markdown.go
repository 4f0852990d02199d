package preview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxComment is the length of a comment that GitHub accepts, in characters.
const MaxComment = 65536

// Marker begins the comment of a stack, so that the next preview finds it and replaces it.
func Marker(stack string) string {
	return "<!-- dip preview: " + strings.ReplaceAll(stack, "--", "-") + " -->"
}

// Markdown is the summary as a comment, gravest things first. What makes it longer than MaxComment is left out: first
// properties and names of what changes, then lines, never the counts and what loses data.
func Markdown(s Summary) string {
	text, updates := "", alike(s.of(Update))
	for _, most := range []int{1000, 300, 100, 30, 10, 3} {
		if text = comment(s, updates, most); utf8.RuneCountInString(text) <= MaxComment {
			return text
		}
	}
	const cut = "\n\n(shortened)\n"
	return string([]rune(text)[:MaxComment-len(cut)]) + cut
}

// of are the changes of one kind which lose no data.
func (s Summary) of(a Action) (list []Change) {
	for _, c := range s.Changes {
		if c.Action == a && c.Lost == "" {
			list = append(list, c)
		}
	}
	return list
}

// comment lists at most so many entries of each kind.
func comment(s Summary, updates []Change, most int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n### Preview of stack %s\n\n%s\n", Marker(s.Stack), code(s.Stack), headline(s))
	if n := len(s.Data); n > 0 {
		fmt.Fprintf(&b, "\n> [!CAUTION]\n> %s data %s replaced or deleted.\n", resources(n, "hold", "holds"), areOrIs(n))
		section(&b, "", []string{"", "resource", "what is lost", "because of"}, s.Data, most, func(c Change) []string {
			return []string{string(c.Action), named(c), c.Lost + protection(c), reasons(c)}
		})
	}
	problems(&b, "Errors", s.Errors, most)
	costs(&b, s.Cost)
	section(&b, "Replaced", []string{"resource", "because of"}, s.of(Replace), most, func(c Change) []string {
		return []string{named(c), reasons(c)}
	})
	section(&b, "Deleted", []string{"resource"}, s.of(Delete), most, func(c Change) []string {
		return []string{named(c)}
	})
	section(&b, "No longer managed, and kept", []string{"resource"}, s.of(Forget), most, func(c Change) []string {
		return []string{named(c)}
	})
	section(&b, "Updated", []string{"resource", "properties"}, updates, most, func(c Change) []string {
		return []string{named(c), properties(c.Properties)}
	})
	collapsed(&b, "Created", append(s.of(Create), s.of(Import)...), most)
	problems(&b, "Warnings", s.Warnings, most)
	return b.String()
}

// headline is the counts.
func headline(s Summary) string {
	var parts []string
	for _, of := range []struct {
		action Action
		text   string
	}{
		{Delete, "to delete"}, {Replace, "to replace"}, {Update, "to update"}, {Create, "to create"},
		{Import, "to import"}, {Forget, "no longer managed"},
	} {
		if n := s.Counts[of.action]; n > 0 {
			parts = append(parts, fmt.Sprintf("**%d %s**", n, of.text))
		}
	}
	switch {
	case len(s.Errors) > 0:
		return fmt.Sprintf("**The preview failed**: %s. Nothing can be deployed.", count(len(s.Errors), "error"))
	case len(parts) == 0:
		return fmt.Sprintf("No changes: %s.", count(s.Counts[Same], "resource"))
	}
	return fmt.Sprintf("%s, %d unchanged.", strings.Join(parts, ", "), s.Counts[Same])
}

// section is a table of changes.
func section(b *strings.Builder, title string, columns []string, list []Change, most int, row func(Change) []string) {
	if len(list) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(b, "\n#### %s\n", title)
	}
	fmt.Fprintf(b, "\n| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, c := range list[:min(most, len(list))] {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row(c), " | "))
	}
	more(b, len(list), most)
}

// collapsed lists names that are shown on a click.
func collapsed(b *strings.Builder, title string, list []Change, most int) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n<details><summary>%s: %s</summary>\n\n", title, count(len(list), "resource"))
	for _, c := range list[:min(most, len(list))] {
		fmt.Fprintf(b, "- %s\n", named(c))
	}
	more(b, len(list), most)
	b.WriteString("\n</details>\n")
}

func more(b *strings.Builder, all, most int) {
	if all > most {
		fmt.Fprintf(b, "\n%d more: see the log of the preview.\n", all-most)
	}
}

// maxMessage is how much of a message is shown, in characters.
const maxMessage = 4000

// problems are messages, each in a block of its own: they may contain anything.
func problems(b *strings.Builder, title string, list []Problem, most int) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n#### %s\n\n", title)
	for _, p := range list[:min(most, len(list))] {
		text := p.Message
		if p.Resource != "" {
			text = p.Resource + ": " + text
		}
		text = shorten(text, maxMessage)
		fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
		fmt.Fprintf(b, "%s\n%s\n%s\n", fence, text, fence)
	}
	more(b, len(list), most)
}

// cent is the smallest difference that is shown, USD.
const cent = 0.005

// costs is the bill at rest.
func costs(b *strings.Builder, c *Cost) {
	if c == nil {
		return
	}
	fmt.Fprintf(b, "\n#### Cost at rest: %s\n\n", difference(c.Before, c.After))
	if slices.ContainsFunc(c.Lines, func(l Line) bool { return l.change() >= cent }) {
		b.WriteString("| USD a month | before | after | difference |\n|---|--:|--:|--:|\n")
		for _, l := range c.Lines {
			if l.change() >= cent {
				fmt.Fprintf(b, "| %s | %.2f | %.2f | %+.2f |\n", l.Item, l.Before, l.After, l.After-l.Before)
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "<sub>A month in which nothing arrives, at list prices of %s of %s; loads come on top.</sub>\n",
		c.Region, c.Prices)
}

// difference says what a month costs, and how much more or less that is.
func difference(before, after float64) string {
	switch change := after - before; {
	case change >= cent:
		return fmt.Sprintf("$%.2f a month, $%.2f more", after, change)
	case change <= -cent:
		return fmt.Sprintf("$%.2f a month, $%.2f less", after, -change)
	}
	return fmt.Sprintf("$%.2f a month, as before", after)
}

// alike puts resources whose properties change in the same way into one line: a tag changes on everything.
func alike(list []Change) (lines []Change) {
	at := map[string]int{}
	for _, c := range list {
		key := properties(c.Properties)
		i, ok := at[key]
		if !ok {
			at[key], lines = len(lines), append(lines, c)
			continue
		}
		lines[i].others = append(lines[i].others, c)
	}
	slices.SortStableFunc(lines, func(a, b Change) int { return cmp.Compare(len(a.others), len(b.others)) })
	return lines
}
