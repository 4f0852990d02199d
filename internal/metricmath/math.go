// Package metricmath computes CloudWatch's metric math ("Using math expressions with CloudWatch metrics"), as far as the
// pipeline uses it: for alarms of local mode, and for pages that show what alarms watch.
package metricmath

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"time"
)

// Point is a data point of a period, or its absence.
type Point struct {
	Value float64
	There bool
}

// Compute computes the data points of an expression over series of the same length, by id. It knows + - * /,
// parentheses, numbers, FILL(series, number) and PERIOD(series), a period's length in seconds, which is what alarms and graphs use;
// anything else is an error. All series have the same period. A data point is missing where an operand is, or where it
// would be divided by zero.
func Compute(expression string, series map[string][]Point, period time.Duration) ([]Point, error) {
	parsed, err := parser.ParseExpr(expression) // its grammar is Go's
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", expression, err)
	}
	length := 0
	for _, points := range series {
		length = max(length, len(points))
	}
	points, err := (&computation{series, length, period}).compute(parsed)
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", expression, err)
	}
	return points, nil
}

// computation is over series of some length.
type computation struct {
	series map[string][]Point
	length int
	period time.Duration
}

func (c *computation) compute(e ast.Expr) ([]Point, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return c.compute(e.X)
	case *ast.Ident:
		points, ok := c.series[e.Name]
		if !ok {
			return nil, fmt.Errorf("there is no series %s", e.Name)
		}
		return points, nil
	case *ast.BasicLit:
		value, err := number(e)
		return constant(value, c.length), err
	case *ast.BinaryExpr:
		return c.combine(e)
	case *ast.CallExpr:
		return c.call(e)
	default:
		return nil, fmt.Errorf("%T is not evaluated", e)
	}
}

func number(e ast.Expr) (float64, error) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.INT && literal.Kind != token.FLOAT {
		return 0, fmt.Errorf("%T: want a number", e)
	}
	return strconv.ParseFloat(literal.Value, 64)
}

func constant(value float64, length int) []Point {
	points := make([]Point, length)
	for i := range points {
		points[i] = Point{value, true}
	}
	return points
}

func (c *computation) combine(e *ast.BinaryExpr) ([]Point, error) {
	left, err := c.compute(e.X)
	if err != nil {
		return nil, err
	}
	right, err := c.compute(e.Y)
	if err != nil {
		return nil, err
	}
	points := make([]Point, c.length)
	for i := range points {
		a, b := left[i], right[i]
		points[i].There = a.There && b.There
		switch e.Op {
		case token.ADD:
			points[i].Value = a.Value + b.Value
		case token.SUB:
			points[i].Value = a.Value - b.Value
		case token.MUL:
			points[i].Value = a.Value * b.Value
		case token.QUO:
			if b.Value == 0 {
				points[i] = Point{}
				continue
			}
			points[i].Value = a.Value / b.Value
		default:
			return nil, fmt.Errorf("the operator %s is not evaluated", e.Op)
		}
	}
	return points, nil
}

func (c *computation) call(e *ast.CallExpr) ([]Point, error) {
	name, ok := e.Fun.(*ast.Ident)
	switch {
	case ok && name.Name == "FILL" && len(e.Args) == 2:
		return c.fill(e.Args[0], e.Args[1])
	case ok && name.Name == "PERIOD" && len(e.Args) == 1:
		_, err := c.compute(e.Args[0])
		return constant(c.period.Seconds(), c.length), err
	}
	return nil, errors.New("want FILL(series, number) or PERIOD(series), the only functions that are evaluated")
}

func (c *computation) fill(series, with ast.Expr) ([]Point, error) {
	points, err := c.compute(series)
	if err != nil {
		return nil, err
	}
	value, err := number(with)
	if err != nil {
		return nil, err
	}
	filled := make([]Point, c.length)
	for i, p := range points {
		if filled[i] = p; !p.There {
			filled[i] = Point{value, true}
		}
	}
	return filled, nil
}
