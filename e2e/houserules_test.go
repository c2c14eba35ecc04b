package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sourceFile is a Go file of the project that is not a test.
type sourceFile struct {
	path    string // from the root, with slashes
	pkg     string // its directory
	imports []string
	ast     *ast.File
}

func sourceFiles(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "testdata" || path == "weir-data") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", path), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := sourceFile{path: path, pkg: filepath.ToSlash(filepath.Dir(path)), ast: f}
		for _, i := range f.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			s.imports = append(s.imports, p)
		}
		files = append(files, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// service returns the service that a package or import belongs to, or "".
func service(path string) string {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(path, "weir/"), "services/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func TestImportsKeepToTheLayers(t *testing.T) {
	for _, f := range sourceFiles(t) {
		for _, imp := range f.imports {
			if !strings.HasPrefix(imp, "weir/") {
				continue
			}
			from, to := service(f.pkg), service(imp)
			switch {
			case strings.HasPrefix(f.pkg, "pkg/schema") && !strings.HasPrefix(imp, "weir/pkg/schema"):
				t.Errorf("%s: pkg/schema imports %s", f.path, imp)
			case strings.HasPrefix(f.pkg, "pkg/") && to != "":
				t.Errorf("%s: a shared package imports %s", f.path, imp)
			case from != "" && to != "" && from != to:
				t.Errorf("%s: a service imports another, %s", f.path, imp)
			case to != "" && from == "" && !strings.HasPrefix(f.pkg, "cmd/weir"):
				t.Errorf("%s: only cmd/weir imports services, not %s", f.path, imp)
			case strings.HasPrefix(imp, "weir/e2e"):
				t.Errorf("%s: nothing imports e2e", f.path)
			}
		}
	}
}

// purePackages hold no clock, randomness, I/O, log or lock.
var purePackages = []string{
	"pkg/schema", "pkg/schema/wire", "pkg/schema/decode",
	"services/aggregator/internal/fold",
	"services/query/internal/spore", "services/query/internal/propeller", "services/query/internal/perseo",
	"services/query/internal/datamgmt", "services/query/internal/deadletters", "services/query/internal/accounting",
	"pkg/schema/decode/exposition", "pkg/schema/decode/ngsi", "pkg/schema/decode/mapping", "pkg/schema/decode/influx", "pkg/schema/decode/gather", "pkg/schema/decode/seriesname",
	"devices/agent/profile", "devices/agent/ring", "devices/agent/dialect", "devices/agent/screen",
	"devices/simulate/internal/model", "devices/simulate/internal/scene", "devices/simulate/internal/payload", "devices/simulate/internal/fleet",
	"pkg/schema/pushtopic", "pkg/schema/decode/expositionpb", "pkg/schema/pulltopic", "pkg/remotewrite", "pkg/strictyaml", "services/ingest/internal/jsonpath",
	"services/alerter/internal/alert", "services/alerter/internal/amconfig", "services/alerter/internal/route", "services/alerter/internal/rule",
	"services/query/internal/rollout", "pkg/read/promread/bounds", "services/aggregator/internal/history", "services/aggregator/internal/index", "services/aggregator/internal/live",
}

var impureImports = []string{"os", "io/fs", "net", "net/http", "log", "log/slog", "sync", "sync/atomic", "math/rand", "math/rand/v2", "crypto/rand", "context", "database/sql", "syscall"}

func TestPurePackagesStayPure(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range sourceFiles(t) {
		if !slices.Contains(purePackages, f.pkg) {
			continue
		}
		seen[f.pkg] = true
		for _, imp := range f.imports {
			if slices.Contains(impureImports, imp) {
				t.Errorf("%s imports %s", f.path, imp)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker", "Tick"}, sel.Sel.Name) {
					t.Errorf("%s uses time.%s", f.path, sel.Sel.Name)
				}
			}
			return true
		})
	}
	for _, p := range purePackages {
		if !seen[p] {
			t.Errorf("there is no package %s: mend this list", p)
		}
	}
}

// adapters are the only packages that may import a third-party client.
var adapters = map[string][]string{
	"github.com/mochi-mqtt/server/v2":      {"services/ingest/internal/broker", "services/ingest/internal/broker/mqtttest"},
	"github.com/nats-io/nats-server/v2":    {"pkg/journal", "pkg/journal/natstest"},
	"github.com/cockroachdb/pebble/v2":     {"services/aggregator/internal/store"},
	"github.com/VictoriaMetrics/metrics":   {"pkg/metrics"},
	"github.com/valyala/fastjson":          {"pkg/schema/decode", "pkg/schema/decode/ngsi", "pkg/schema/decode/mapping"},
	"github.com/klauspost/compress":        {"pkg/schema/zstdall", "pkg/schema/frame", "pkg/schema/packed", "services/query/internal/promapi", "services/alerter/internal/ledger", "services/ingest/internal/intake", "pkg/remotewrite", "devices/loadgen"},
	"google.golang.org/protobuf":           {"pkg/schema/frame", "pkg/schema/frame/framepb", "pkg/schema/decode/expositionpb", "pkg/remotewrite"},
	"golang.org/x/crypto":                  {"services/ingest/internal/access"},
	"github.com/nats-io/nats.go/jetstream": {"pkg/journal", "services/ingest/internal/sessions", "pkg/read/readclient", "services/alerter/internal/ledger"},
	// Of Prometheus, labels are a word of everybody's; its engine and storage are not.
	"github.com/prometheus/prometheus/promql": {"services/query/internal/promapi", "pkg/read/promread", "pkg/read/promread/bounds", "pkg/read/promread/readtest", "pkg/read/promread/conformance",
		"services/alerter/internal/rule", "services/alerter/internal/rule/expand", "services/alerter/internal/ruletest", "services/alerter/internal/evaluate"},
	"github.com/prometheus/prometheus/storage":    {"services/query/internal/promapi", "pkg/read/promread", "pkg/read/promread/conformance"},
	"github.com/prometheus/alertmanager/template": {"services/alerter/internal/notify/render", "services/alerter/internal/notify/webhook"},
	"github.com/wneessen/go-mail":                 {"services/alerter/internal/notify/email"},
	"golang.org/x/image":                          {"services/alerter/internal/notify/chart"},
	"github.com/fsnotify/fsnotify":                {"services/alerter", "services/ingest/internal/pull"},
	"github.com/eclipse/paho.mqtt.golang":         {}, // tests publish with it
	"github.com/shirou/gopsutil/v4":               {"devices/agent/sample", "devices/agent/overhead"},
	"github.com/coder/websocket":                  {"devices/simulate/internal/gateway", "devices/agent/publish"},
	"github.com/alecthomas/kong":                  {"cmd/weir"},
	"github.com/schollz/progressbar":              {"cmd/weir"},
}

func TestThirdPartyClientsAreImportedByTheirAdaptersOnly(t *testing.T) {
	for _, f := range sourceFiles(t) {
		if strings.HasPrefix(f.pkg, "e2e") { // it is a client of everything
			continue
		}
		for _, imp := range f.imports {
			for lib, allowed := range adapters {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !slices.Contains(allowed, f.pkg) {
					t.Errorf("%s imports %s: that is for %s", f.path, imp, strings.Join(allowed, ", "))
				}
			}
		}
	}
}
