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
)

// Point is a data point of a period, or its absence.
type Point struct {
	Value float64
	There bool
}

// Compute computes the data points of an expression over series of the same length, by id. It knows + - * /, parentheses,
// numbers and FILL(series, number), which is what the table of alarms uses; anything else is an error. A data point is
// missing where an operand is, or where it would be divided by zero.
func Compute(expression string, series map[string][]Point) ([]Point, error) {
	parsed, err := parser.ParseExpr(expression) // its grammar is Go's
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", expression, err)
	}
	length := 0
	for _, points := range series {
		length = max(length, len(points))
	}
	points, err := compute(parsed, series, length)
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", expression, err)
	}
	return points, nil
}

func compute(e ast.Expr, series map[string][]Point, length int) ([]Point, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return compute(e.X, series, length)
	case *ast.Ident:
		points, ok := series[e.Name]
		if !ok {
			return nil, fmt.Errorf("there is no series %s", e.Name)
		}
		return points, nil
	case *ast.BasicLit:
		value, err := number(e)
		return constant(value, length), err
	case *ast.BinaryExpr:
		return combine(e, series, length)
	case *ast.CallExpr:
		return fill(e, series, length)
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

func combine(e *ast.BinaryExpr, series map[string][]Point, length int) ([]Point, error) {
	left, err := compute(e.X, series, length)
	if err != nil {
		return nil, err
	}
	right, err := compute(e.Y, series, length)
	if err != nil {
		return nil, err
	}
	points := make([]Point, length)
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

func fill(e *ast.CallExpr, series map[string][]Point, length int) ([]Point, error) {
	if name, ok := e.Fun.(*ast.Ident); !ok || name.Name != "FILL" || len(e.Args) != 2 {
		return nil, errors.New("want FILL(series, number), which is the only function that is evaluated")
	}
	points, err := compute(e.Args[0], series, length)
	if err != nil {
		return nil, err
	}
	value, err := number(e.Args[1])
	if err != nil {
		return nil, err
	}
	filled := make([]Point, length)
	for i, p := range points {
		if filled[i] = p; !p.There {
			filled[i] = Point{value, true}
		}
	}
	return filled, nil
}
