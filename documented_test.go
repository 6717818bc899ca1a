package sessionring_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"
)

// TestDocumented wants a comment on every exported name of the published module:
// types, functions, methods, constants and variables.
func TestDocumented(t *testing.T) {
	t.Parallel()
	names := 0
	for file := range sources(t) {
		if strings.HasSuffix(file, "_test.go") || strings.Contains("/"+path.Dir(file)+"/", "/internal/") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name.Name == "main" {
			continue
		}
		for name, documented := range exported(f) {
			names++
			if !documented {
				t.Errorf("%s: %s has no comment", file, name)
			}
		}
	}
	if names < 100 {
		t.Errorf("found only %d names: does the test look in the right places?", names)
	}
}

// exported returns the exported names of a file, and whether each has a comment.
func exported(f *ast.File) map[string]bool {
	found := map[string]bool{}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && ast.IsExported(receiver(d)) {
				found[receiver(d)+"."+d.Name.Name] = d.Doc != nil
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				exportedOf(s, d.Doc != nil, found)
			}
		}
	}
	return found
}

// exportedOf adds the names of one specification, of which group is the comment of
// all that stand together.
func exportedOf(s ast.Spec, group bool, found map[string]bool) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			found[s.Name.Name] = group || s.Doc != nil
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() {
				found[n.Name] = s.Doc != nil || s.Comment != nil || group
			}
		}
	}
}

// receiver returns the type that a method belongs to, or an exported word for a
// function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return "Func"
	}
	kind := d.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}
