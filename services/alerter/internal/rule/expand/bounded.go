package expand

import (
	"fmt"
	"strconv"
	"strings"
	"text/template/parse"
)

// The functions that are put into templates, by names that nobody would choose.
const (
	stepFunction = "weir_step"
	textFunction = "weir_text"
	outFunction  = "weir_out"
)

// bounded returns a template that does what text does, with a call of stepFunction
// in each loop and each template that it calls, textFunction around its own text, and
// outFunction around each value. Without these a template of thirty bytes,
// {{range 100000000000}}x{{end}}, would end the process, or go on for hours without
// anybody being able to end it. Prometheus, whose templates are its operator's, runs
// them as they are.
func bounded(name, text string) (string, error) {
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck
	all := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "", "", all); err != nil {
		return "", err
	}
	var b strings.Builder
	for of, t := range all {
		if t.Root == nil {
			continue
		}
		instrument(t.Root)
		if of == name {
			continue
		}
		b.WriteString("{{define " + strconv.Quote(of) + "}}{{" + stepFunction + "}}" + t.Root.String() + "{{end}}")
	}
	if main := all[name]; main != nil && main.Root != nil {
		b.WriteString(main.Root.String())
	}
	return b.String(), nil
}

// instrument puts the functions into a list of nodes.
func instrument(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			n.Text = fmt.Appendf(nil, "{{%s %s}}", textFunction, strconv.Quote(string(n.Text)))
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{parse.NewIdentifier(outFunction)}})
			}
		case *parse.IfNode:
			branches(&n.BranchNode)
		case *parse.WithNode:
			branches(&n.BranchNode)
		case *parse.RangeNode:
			branches(&n.BranchNode)
			// It is printed as it is.
			step := &parse.TextNode{NodeType: parse.NodeText, Text: []byte("{{" + stepFunction + "}}")}
			n.List.Nodes = append([]parse.Node{step}, n.List.Nodes...)
		}
	}
}

func branches(n *parse.BranchNode) {
	instrument(n.List)
	instrument(n.ElseList)
}
