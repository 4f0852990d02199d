package terminal

import "strings"

// Column is a column of a table.
type Column struct {
	Title string
	Short string // title if the table would be wider than the screen; empty: Title
	Right bool   // right-aligned, for numbers
	Flex  bool   // shortened if the table would be wider than the screen
}

// minFlex is the minimum width of a Flex column: below it, the table wraps instead.
const minFlex = 8

// Table lays out rows under their titles. A width of 0 means no limit: a pipe or a file gets everything.
func Table(width int, columns []Column, rows [][]string) string {
	cells := make([][]string, 0, len(rows)+1)
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.Title
	}
	cells = append(cells, titles)
	for _, row := range rows {
		clean := make([]string, len(columns))
		for i := range columns {
			clean[i] = Printable(row[i])
		}
		cells = append(cells, clean)
	}
	gap := 2
	if widths := measure(cells); width > 0 && total(widths, gap) > width {
		for i, c := range columns {
			if c.Short != "" {
				titles[i] = c.Short
			}
		}
		if total(measure(cells), gap) > width {
			gap = 1
		}
		shrink(cells, columns, width, gap)
	}
	return render(cells, columns, measure(cells), gap)
}

func measure(cells [][]string) []int {
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for i, cell := range row {
			widths[i] = max(widths[i], Columns(cell))
		}
	}
	return widths
}

func total(widths []int, gap int) int {
	n := gap * (len(widths) - 1)
	for _, w := range widths {
		n += w
	}
	return n
}

// shrink removes the excess width from the Flex columns, one after the other.
func shrink(cells [][]string, columns []Column, width, gap int) {
	for i, c := range columns {
		widths := measure(cells)
		over := total(widths, gap) - width
		if !c.Flex || over <= 0 {
			continue
		}
		for _, row := range cells {
			row[i] = Fit(row[i], max(widths[i]-over, minFlex))
		}
	}
}

func render(cells [][]string, columns []Column, widths []int, gap int) string {
	var b strings.Builder
	for _, row := range cells {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-Columns(cell))
			if columns[i].Right {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", gap))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
