package openapi

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"slices"
)

// Code is a result code of the API with its words.
type Code struct {
	Name    string
	Value   int64
	Chinese string
	English string
}

// ReadCodes reads the codes from the source of the product's fault package.
// The tools are a module of their own and cannot import the product; reading
// the source keeps one table of codes instead of two.
func ReadCodes(path string) ([]Code, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("read result codes: %w", err)
	}
	codes := map[string]*Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if isIdent(n.Type, "Code") && len(n.Values) == 1 {
				codes[n.Names[0].Name] = &Code{Name: n.Names[0].Name, Value: integer(n.Values[0])}
			}
		case *ast.KeyValueExpr:
			readWords(codes, n)
		}
		return true
	})
	if len(codes) == 0 {
		return nil, fmt.Errorf("read result codes: none in %s", path)
	}
	var list []Code
	var missing error
	for _, c := range codes {
		if c.English == "" || c.Chinese == "" {
			missing = errors.Join(missing, fmt.Errorf("code %s has no words in %s", c.Name, path))
		}
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Code) int { return int(b.Value - a.Value) })
	return list, missing
}

// readWords takes a row of the table: Name: {status, "chinese", "english"}.
func readWords(codes map[string]*Code, kv *ast.KeyValueExpr) {
	key, ok := kv.Key.(*ast.Ident)
	if !ok || codes[key.Name] == nil {
		return
	}
	if row, ok := kv.Value.(*ast.CompositeLit); ok && len(row.Elts) == 3 {
		codes[key.Name].Chinese = text(row.Elts[1])
		codes[key.Name].English = text(row.Elts[2])
	}
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func integer(e ast.Expr) int64 {
	sign := int64(1)
	if u, ok := e.(*ast.UnaryExpr); ok && u.Op == token.SUB {
		sign, e = -1, u.X
	}
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return 0
	}
	n, _ := constant.Int64Val(constant.MakeFromLiteral(lit.Value, lit.Kind, 0))
	return sign * n
}

func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	return constant.StringVal(constant.MakeFromLiteral(lit.Value, lit.Kind, 0))
}
