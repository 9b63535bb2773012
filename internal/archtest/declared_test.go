package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// undeclared are the public methods of services that are no use case, and why.
var undeclared = map[string]string{
	"identity.Bind":      "wires; touches nothing",
	"identity.Authorize": "the question that every use case asks",
}

// declaration is what stands beside a public method: var opBook = usecase.Command[...]{...}.Declare().
type declaration struct {
	kind   string // Command, Query or Proof
	input  string // the type of its input; empty for a Proof
	name   string // such as "clinical.book"
	needs  string // its permission, such as "hmstype.PermAppointmentWrite"; empty for none
	fields []string
	file   string
}

// servicePackage is one package with a Service: its public methods and its declarations.
type servicePackage struct {
	name         string // its path in the module, such as "clinical/scheduling"
	methods      map[string]*ast.FuncDecl
	files        map[string]string // of methods
	declarations map[string]declaration
}

func servicePackages(all []source) map[string]*servicePackage {
	packages := map[string]*servicePackage{}
	for _, s := range all {
		folder := filepath.Dir(s.path)
		if s.isTest() || folder == "." || strings.HasPrefix(folder, "internal") || strings.HasPrefix(folder, "examples") {
			continue
		}
		p := packages[folder]
		if p == nil {
			p = &servicePackage{
				name: folder, methods: map[string]*ast.FuncDecl{}, files: map[string]string{},
				declarations: map[string]declaration{},
			}
			packages[folder] = p
		}
		p.read(s)
	}
	return packages
}

func (p *servicePackage) read(s source) {
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if isUseCase(d) {
				p.methods[d.Name.Name], p.files[d.Name.Name] = d, s.path
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && len(v.Names) == 1 && len(v.Values) == 1 {
					if declared, ok := declarationOf(v.Values[0]); ok {
						declared.file = s.path
						p.declarations[v.Names[0].Name] = declared
					}
				}
			}
		}
	}
}

// isUseCase tells whether a function is an exported method of *Service that takes a context.
func isUseCase(f *ast.FuncDecl) bool {
	if f.Recv == nil || !f.Name.IsExported() || f.Type.Params.NumFields() == 0 {
		return false
	}
	star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	receiver, ok := star.X.(*ast.Ident)
	first, isSelector := f.Type.Params.List[0].Type.(*ast.SelectorExpr)
	return ok && receiver.Name == "Service" && isSelector && first.Sel.Name == "Context"
}

// declarationOf reads usecase.Kind[...]{...}.Declare().
func declarationOf(value ast.Expr) (declaration, bool) {
	call, ok := value.(*ast.CallExpr)
	if !ok {
		return declaration{}, false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || method.Sel.Name != "Declare" {
		return declaration{}, false
	}
	literal, ok := method.X.(*ast.CompositeLit)
	if !ok {
		return declaration{}, false
	}
	var d declaration
	kind := literal.Type
	if index, ok := kind.(*ast.IndexListExpr); ok {
		kind, d.input = index.X, typeText(index.Indices[0])
	}
	selector, ok := kind.(*ast.SelectorExpr)
	if !ok || typeText(selector.X) != "usecase" {
		return declaration{}, false
	}
	d.kind = selector.Sel.Name
	for _, e := range literal.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key := typeText(pair.Key)
		d.fields = append(d.fields, key)
		if text, ok := pair.Value.(*ast.BasicLit); ok && key == "Name" {
			d.name, _ = strconv.Unquote(text.Value)
		}
		if key == "Permission" {
			d.needs = typeText(pair.Value)
		}
	}
	return d, true
}

func typeText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return typeText(e.X) + "." + e.Sel.Name
	case *ast.IndexExpr:
		return typeText(e.X)
	default:
		return ""
	}
}

// faults says what the declarations of a package lack.
func (p *servicePackage) faults() []string {
	var all []string
	for name, method := range p.methods {
		runs, delegates := runsAndDelegates(method)
		if _, ok := undeclared[p.name+"."+name]; ok || (len(runs) == 0 && delegates) {
			continue
		}
		variable := "op" + name
		d, ok := p.declarations[variable]
		switch {
		case !ok || !slices.Contains(runs, variable):
			all = append(all, fmt.Sprintf(
				"%s.%s: declare it beside the method: var %s = usecase.Command[...]{Name: %q, ...}.Declare(), and run it",
				p.name, name, variable, Operation(p.name, name)))
		case d.name != Operation(p.name, name):
			all = append(all, fmt.Sprintf("%s: its name is %q and should be %q", variable, d.name, Operation(p.name, name)))
		case d.file != p.files[name]:
			all = append(all, fmt.Sprintf("%s stands in %s, its method in %s", variable, d.file, p.files[name]))
		case d.kind != "Proof" && !slices.Contains(d.fields, "Sample") && needsSample(d.input):
			all = append(all, variable+": give a Sample, an input that its validation lets pass")
		case d.kind == "Query" && !readName.MatchString(name):
			all = append(
				all, fmt.Sprintf("%s.%s only reads: its name begins with Get or List, or a verb of readName", p.name, name),
			)
		case markName.MatchString(name):
			all = append(all, fmt.Sprintf("%s.%s: what is taken back as a mistake is Enter...InError", p.name, name))
		case inputOf(method) != "" && inputOf(method) != name+"Input":
			all = append(all, fmt.Sprintf("%s.%s: its input is %sInput", p.name, name, name))
		case d.needs != "" && !strings.Contains(method.Doc.Text(), "Permission: ["+d.needs+"]."):
			all = append(all, fmt.Sprintf("%s.%s: its comment ends with: Permission: [%s].", p.name, name, d.needs))
		}
	}
	slices.Sort(all)
	return all
}

// readName are the verbs of what only reads, and markName the one that gave way to EnterXInError.
var (
	readName = regexp.MustCompile(`^(Get|List|Search|Count|Export|Verify|Prove|Plan)`)
	markName = regexp.MustCompile(`^Mark\w*Error$`)
)

// things are parameters that are the thing itself, which is given out, too.
var things = []string{"WebAuthnCredential"}

// inputOf gives the type of the package's own that a method takes; empty for ids and for none.
func inputOf(f *ast.FuncDecl) string {
	params := f.Type.Params.List
	if len(params) != 2 {
		return ""
	}
	ident, ok := params[1].Type.(*ast.Ident)
	if !ok || !ident.IsExported() || strings.HasSuffix(ident.Name, "ID") || slices.Contains(things, ident.Name) {
		return ""
	}
	return ident.Name
}

func needsSample(input string) bool {
	return !slices.Contains([]string{"usecase.None", "usecase.ByID", "usecase.Paged"}, input)
}

// runsAndDelegates gives the variables whose Run a method calls, and whether it calls another
// public method of its service.
func runsAndDelegates(f *ast.FuncDecl) (runs []string, delegates bool) {
	receiver := ""
	if names := f.Recv.List[0].Names; len(names) == 1 {
		receiver = names[0].Name
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		for _, arg := range call.Args { // handed to what runs it
			if ident, ok := arg.(*ast.Ident); ok && strings.HasPrefix(ident.Name, "op") {
				runs = append(runs, ident.Name)
			}
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := selector.X.(*ast.Ident)
		switch {
		case !ok:
		case selector.Sel.Name == "Run", selector.Sel.Name == "RunAfter":
			runs = append(runs, x.Name)
		case x.Name == receiver && selector.Sel.IsExported():
			delegates = true
		}
		return true
	})
	return runs, delegates
}

// Every use case says of itself, beside its method, how it is called, what it asks for, what it
// shows of whom, and with what it can be tried.
func TestUseCasesAreDeclared(t *testing.T) {
	t.Parallel()
	methods := 0
	for _, p := range servicePackages(sources(t)) {
		methods += len(p.methods)
		require.Empty(t, p.faults())
	}
	require.Greater(t, methods, 200)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const head = "package ward\nimport (\"context\"; \"usecase\")\ntype Service struct{}\n"
	const (
		method = "// Permission: [hmstype.PermBed].\n" +
			"func (s *Service) CloseBed(ctx context.Context, in CloseBedInput) (Bed, error) { " +
			"return opCloseBed.Run(ctx, &s.base, in, closeBed) }\n"
		idMethod = "func (s *Service) NAME(ctx context.Context, id hmstype.BedID) (Bed, error) { " +
			"return opNAME.Run(ctx, &s.base, usecase.ID(id), rule) }\n"
		command = "var opCloseBed = usecase.Command[In, Bed]"
		byID    = "var opCloseBed = usecase.Command[usecase.ByID[BedID], Bed]"
	)
	taking := func(name string) string { return strings.ReplaceAll(idMethod, "NAME", name) }
	for name, tt := range map[string]struct{ code, want string }{
		"Good":       {command + `{Name: "ward.close_bed", Sample: In{}}.Declare()` + "\n" + method, ""},
		"Delegates":  {"func (s *Service) CloseBed(ctx context.Context) error { return s.CloseBeds(ctx, 1) }\n", ""},
		"Forgotten":  {method, `Name: "ward.close_bed"`},
		"OtherName":  {command + `{Name: "ward.shut", Sample: In{}}.Declare()` + "\n" + method, `should be "ward.close_bed"`},
		"NoSample":   {command + `{Name: "ward.close_bed"}.Declare()` + "\n" + method, "give a Sample"},
		"SampleOfID": {byID + `{Name: "ward.close_bed"}.Declare()` + "\n" + method, ""},
		"Permission": {byID + `{Name: "ward.close_bed", Permission: hmstype.PermBed}.Declare()` + "\n" + method, ""},
		"OtherInput": {
			command + `{Name: "ward.close_bed", Sample: In{}}.Declare()` + "\n" +
				strings.Replace(method, "CloseBedInput", "BedInput", 1),
			"its input is CloseBedInput",
		},
		"Read": {
			`var opBed = usecase.Query[usecase.ByID[BedID], Bed]{Name: "ward.bed"}.Declare()` + "\n" + taking("Bed"),
			"only reads",
		},
		"Mistake": {
			`var opMarkBedError = usecase.Command[usecase.ByID[BedID], Bed]{Name: "ward.mark_bed_error"}.Declare()` + "\n" +
				taking("MarkBedError"),
			"InError",
		},
		"Unsaid": {
			byID + `{Name: "ward.close_bed", Permission: hmstype.PermWard}.Declare()` + "\n" + method,
			"Permission: [hmstype.PermWard].",
		},
		"NotRun": {
			command + `{Name: "ward.close_bed", Sample: In{}}.Declare()` + "\n" +
				"func (s *Service) CloseBed(ctx context.Context) error { return nil }\n",
			"declare it beside",
		},
		"Undeclared":  {"func (s *Service) CloseBed(ctx context.Context) error { return nil }\n", "declare it beside"},
		"NoUseCase":   {"func (s *Service) closeBed(ctx context.Context) error { return nil }\n", ""},
		"OtherFile":   {"", ""},
		"AnotherType": {"func (p Port) CloseBed(ctx context.Context) error { return nil }\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, "bed.go", head+tt.code, parser.ParseComments)
			require.NoError(t, err)
			found := servicePackages([]source{{path: "ward/bed.go", set: set, file: file}})["ward"].faults()
			if tt.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0], tt.want)
		})
	}
}

// Events are named as use cases are: by the domain.
func TestEvents_AreNamedByTheirDomain(t *testing.T) {
	t.Parallel()
	found := 0
	for _, s := range sources(t) {
		for n := range ast.Preorder(s.file) {
			literal, ok := n.(*ast.CompositeLit)
			if !ok || s.isTest() || typeText(literal.Type) != "dbx.EventType" {
				continue
			}
			for _, e := range literal.Elts {
				if pair, ok := e.(*ast.KeyValueExpr); ok && typeText(pair.Key) == "Name" {
					found++
					name, _ := stringOf(pair.Value)
					require.True(t, strings.HasPrefix(name, Domain(s.path)+"."), "%s: %q", s.at(n), name)
				}
			}
		}
	}
	require.Greater(t, found, 70)
}

func TestOperation(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"clinical", "clinical/scheduling", module + "/clinical", module + "/clinical/scheduling",
	} {
		require.Equal(t, "clinical.check_in", Operation(path, "CheckIn"), path)
	}
}

// Operations of a room are named by its domain: hosts' rules and what stands on the trail outlive a move.
func TestFaults_OfARoom(t *testing.T) {
	t.Parallel()
	const code = `package night
import ("context"; "usecase")
type Service struct{}
var opCloseBed = usecase.Command[usecase.ByID[BedID], Bed]{Name: "%s.close_bed"}.Declare()
func (s *Service) CloseBed(ctx context.Context, id BedID) (Bed, error) {
	return opCloseBed.Run(ctx, &s.base, usecase.ID(id), closeBed)
}
`
	for prefix, good := range map[string]bool{"ward": true, "night": false} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "bed.go", fmt.Sprintf(code, prefix), parser.ParseComments)
		require.NoError(t, err)
		found := servicePackages([]source{{path: "ward/night/bed.go", set: set, file: file}})["ward/night"].faults()
		require.Equal(t, good, len(found) == 0, "%s: %v", prefix, found)
	}
}

func TestSnake(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Book": "book", "CancelAppointment": "cancel_appointment", "BeginTOTP": "begin_totp", "GetByMRN": "get_by_mrn",
		"CreateAPIKey": "create_api_key", "AddWebAuthnCredential": "add_webauthn_credential", "PostBedDays": "post_bed_days",
	} {
		require.Equal(t, want, snake(name))
	}
}
