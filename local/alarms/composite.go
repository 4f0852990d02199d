package alarms

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// words are the operators of a composite alarm's rule, which Go writes in another way. The first alternative is a
// quoted name, which stays as it is.
var words = regexp.MustCompile(`"[^"]*"|\bAND\b|\bOR\b|\bNOT\b`)

// Composite says whether the rule of a composite alarm holds, with the states of all alarms by name: ALARM("name"),
// OK("name") and INSUFFICIENT_DATA("name") with AND, OR, NOT and parentheses. An unknown alarm is an error.
func Composite(rule string, states map[string]types.StateValue) (bool, error) {
	written := words.ReplaceAllStringFunc(rule, func(word string) string {
		switch word {
		case "AND":
			return "&&"
		case "OR":
			return "||"
		case "NOT":
			return "!"
		}
		return word
	})
	parsed, err := parser.ParseExpr(written)
	if err == nil {
		var holds bool
		if holds, err = decide(parsed, states); err == nil {
			return holds, nil
		}
	}
	return false, fmt.Errorf("rule %q: %w", rule, err)
}

func decide(e ast.Expr, states map[string]types.StateValue) (bool, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return decide(e.X, states)
	case *ast.UnaryExpr:
		if e.Op != token.NOT {
			return false, fmt.Errorf("the operator %s is not evaluated", e.Op)
		}
		holds, err := decide(e.X, states)
		return !holds, err
	case *ast.BinaryExpr:
		left, err := decide(e.X, states)
		if err != nil {
			return false, err
		}
		right, err := decide(e.Y, states)
		switch e.Op {
		case token.LAND:
			return left && right, err
		case token.LOR:
			return left || right, err
		default:
			return false, fmt.Errorf("the operator %s is not evaluated", e.Op)
		}
	case *ast.CallExpr:
		return inState(e, states)
	default:
		return false, fmt.Errorf("%T is not evaluated", e)
	}
}

// inState decides ALARM("name") and its kind. A name may be an ARN, too: CloudWatch stores either.
func inState(e *ast.CallExpr, states map[string]types.StateValue) (bool, error) {
	state, ok := e.Fun.(*ast.Ident)
	if !ok || len(e.Args) != 1 {
		return false, errors.New("want the name of one alarm")
	}
	literal, ok := e.Args[0].(*ast.BasicLit)
	if !ok {
		return false, fmt.Errorf("%s: want the name of an alarm in quotes", state.Name)
	}
	name, err := strconv.Unquote(literal.Value)
	if err != nil {
		return false, err
	}
	known := []types.StateValue{types.StateValueAlarm, types.StateValueOk, types.StateValueInsufficientData}
	if !slices.Contains(known, types.StateValue(state.Name)) {
		return false, fmt.Errorf("%s is not a state", state.Name)
	}
	found, ok := states[name]
	if !ok {
		return false, fmt.Errorf("there is no alarm %q", name)
	}
	return found == types.StateValue(state.Name), nil
}
