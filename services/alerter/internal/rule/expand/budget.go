package expand

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	text "text/template"
	"time"

	"github.com/prometheus/prometheus/promql"
	prometheus "github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/util/strutil"

	"weir/pkg/read/promread/bounds"
)

// What one text may cost to expand.
const (
	// MaxSteps is how often the bodies of loops and templates may be executed.
	MaxSteps = 10_000
	// MaxBytes is how many bytes may be written, and made of others, together.
	MaxBytes = 1 << 20
	// MaxSamples is how many elements the answers of its queries may have together.
	MaxSamples = 100_000
	// maxWidth is the widest field of printf.
	maxWidth = 999
	// maxWork bounds what a function might make before it is known what it makes.
	maxWork = 64 << 20
)

var (
	errSteps = fmt.Errorf("the template goes on for more than %d steps", MaxSteps)
	errBytes = fmt.Errorf("the template makes more than %d bytes", MaxBytes)
)

// budget is what is left of one expansion's.
type budget struct {
	ctx                   context.Context
	steps, bytes, samples int
}

func newBudget(ctx context.Context) *budget { return &budget{ctx, MaxSteps, MaxBytes, MaxSamples} }

// functions are those of bounded, and the ones of templates that can make much of
// little.
func (b *budget) functions() text.FuncMap {
	return text.FuncMap{
		stepFunction: b.step,
		textFunction: func(s string) (string, error) { return s, b.spend(len(s)) },
		outFunction:  func(v any) (any, error) { return v, b.spend(b.size(v)) },

		"args": func(all ...any) (map[string]any, error) {
			named := make(map[string]any, len(all))
			for i, a := range all {
				named[fmt.Sprintf("arg%d", i)] = a
			}
			return named, b.spend(b.size(named))
		},
		"print":   func(all ...any) (string, error) { return b.made(1, fmt.Sprint, all...) },
		"println": func(all ...any) (string, error) { return b.made(1, fmt.Sprintln, all...) },
		"html":    func(all ...any) (string, error) { return b.made(6, template.HTMLEscaper, all...) },
		"js":      func(all ...any) (string, error) { return b.made(6, template.JSEscaper, all...) },
		"urlquery": func(all ...any) (string, error) {
			return b.made(3, template.URLQueryEscaper, all...)
		},
		"printf":         b.printf,
		"urlQueryEscape": func(s string) (string, error) { return b.text(url.QueryEscape, s) },
		"graphLink":      func(s string) (string, error) { return b.text(strutil.GraphLinkForExpression, s) },
		"tableLink":      func(s string) (string, error) { return b.text(strutil.TableLinkForExpression, s) },
		"reReplaceAll":   b.reReplaceAll,
		"match": func(pattern, s string) (bool, error) {
			if err := bounds.CheckPatterns(pattern); err != nil {
				return false, err
			}
			return regexp.MatchString(pattern, s)
		},
	}
}

// step is a turn of a loop, or a call of a template.
func (b *budget) step() (string, error) {
	if b.steps--; b.steps < 0 {
		return "", errSteps
	}
	return "", b.ctx.Err()
}

func (b *budget) spend(n int) error {
	if b.bytes -= n; b.bytes < 0 {
		return errBytes
	}
	return nil
}

// query counts what a query answers.
func (b *budget) query(ask prometheus.QueryFunc) prometheus.QueryFunc {
	return func(ctx context.Context, q string, at time.Time) (promql.Vector, error) {
		v, err := ask(ctx, q, at)
		if b.samples -= len(v); err == nil && b.samples < 0 {
			return nil, fmt.Errorf("the template's queries answer with more than %d elements", MaxSamples)
		}
		return v, err
	}
}

// made calls a function that makes at most so many times of its arguments.
func (b *budget) made(times int, f func(...any) string, all ...any) (string, error) {
	if size := b.size(all); size > b.bytes || size*times > maxWork {
		return "", errBytes
	}
	s := f(all...)
	return s, b.spend(len(s))
}

func (b *budget) text(f func(string) string, s string) (string, error) {
	return b.made(3, func(...any) string { return f(s) }, s)
}

var (
	// verb is the beginning of a verb, before its letter: flags, width, precision,
	// indexes. Numbers elsewhere in a format, and *, are text: of a query, say.
	verb      = regexp.MustCompile(`%%|%[-+# 0-9.*\[\]]*`)
	tooWide   = regexp.MustCompile(`[0-9]{4,}|\*`)
	errWidths = fmt.Errorf("printf: fields wider than %d, or of a width that is an argument", maxWidth)
)

func (b *budget) printf(format string, all ...any) (string, error) {
	if slices.ContainsFunc(verb.FindAllString(format, -1), tooWide.MatchString) {
		return "", errWidths
	}
	// A verb may name any argument, and write each byte as ten.
	if size := b.size(all); size > b.bytes || strings.Count(format, "%")*(maxWidth+10*size) > maxWork {
		return "", errBytes
	}
	s := fmt.Sprintf(format, all...)
	return s, b.spend(len(s))
}

func (b *budget) reReplaceAll(pattern, replacement, s string) (string, error) {
	if err := bounds.CheckPatterns(pattern); err != nil {
		return "", err
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "", err
	}
	if (len(s)+1)*(len(replacement)+strings.Count(replacement, "$")*len(s)) > maxWork {
		return "", errors.New("reReplaceAll: the text and what replaces it are too long together")
	}
	all := re.ReplaceAllString(s, replacement)
	return all, b.spend(len(all))
}

// size returns about how many bytes a value has when it is printed, or a little more
// than what is left: a value may have another one many times, and so on.
func (b *budget) size(v any) int {
	most := max(b.bytes, 0) + 1
	left := most
	measure(reflect.ValueOf(v), &left)
	return most - left
}

func measure(v reflect.Value, left *int) {
	if *left <= 0 {
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		measure(v.Elem(), left)
	case reflect.String:
		*left -= v.Len()
	case reflect.Slice, reflect.Array:
		*left -= 2
		for i := 0; i < v.Len() && *left > 0; i++ {
			measure(v.Index(i), left)
		}
	case reflect.Map:
		*left -= 5
		for it := v.MapRange(); *left > 0 && it.Next(); {
			measure(it.Key(), left)
			measure(it.Value(), left)
		}
	default:
		*left -= 8
	}
}
