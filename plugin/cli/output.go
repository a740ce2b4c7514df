package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Output holds the output flags of a read verb, with the names and meanings of kubectl's.
type Output struct {
	// Format as given with -o; empty for words or a table.
	Format string
	// Formats that the command accepts besides those that every command has.
	Formats []string

	template         string
	allowMissing     bool
	showManagedField bool
}

var (
	plainFormats    = []string{"json", "yaml", "kyaml", "name"}
	templateFormats = []string{
		"go-template", "go-template-file", "jsonpath", "jsonpath-as-json", "jsonpath-file",
	}
)

// AddFlags binds -o and what belongs to it.
func (o *Output) AddFlags(cmd *cobra.Command) {
	all := slices.Concat(plainFormats, o.Formats, templateFormats)
	flags := cmd.Flags()
	flags.StringVarP(&o.Format, "output", "o", "", "Output format. One of: "+strings.Join(all, ", ")+".")
	flags.StringVar(&o.template, "template", "", "Template string or path for -o go-template and the like.")
	flags.BoolVar(&o.allowMissing, "allow-missing-template-keys", true,
		"Ignore fields in templates that an object does not have.")
	flags.BoolVar(&o.showManagedField, "show-managed-fields", false, "Keep managedFields in JSON and YAML output.")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp))
}

// Table is true for the formats that Printer does not handle.
func (o *Output) Table() bool {
	return o.Format == "" && o.template == "" || slices.Contains(o.Formats, o.Format)
}

// Validate finds a format that does not exist.
func (o *Output) Validate() error {
	if o.Table() {
		return nil
	}
	_, err := o.Printer()
	return err
}

// Printer prints API objects in the chosen format.
func (o *Output) Printer() (printers.ResourcePrinter, error) {
	format, argument, _ := strings.Cut(o.Format, "=")
	if o.template != "" {
		argument = o.template
		if format == "" {
			format = "go-template"
		}
	}
	printer, err := o.printer(format, argument)
	if err != nil {
		return nil, Usagef("-o %s: %w", o.Format, err)
	}
	if !o.showManagedField && format != "name" {
		printer = &printers.OmitManagedFieldsPrinter{Delegate: printer}
	}
	return printer, nil
}

func (o *Output) printer(format, argument string) (printers.ResourcePrinter, error) {
	switch format {
	case "json":
		return &printers.JSONPrinter{}, nil
	case "yaml":
		return &printers.YAMLPrinter{}, nil
	case "kyaml":
		return &printers.KYAMLPrinter{}, nil
	case "name":
		return &printers.NamePrinter{}, nil
	case "go-template", "go-template-file", "jsonpath", "jsonpath-as-json", "jsonpath-file":
		return o.templatePrinter(format, argument)
	}
	all := slices.Concat(plainFormats, o.Formats, templateFormats)
	return nil, fmt.Errorf("there is no such format; use one of %s", strings.Join(all, ", "))
}

func (o *Output) templatePrinter(format, argument string) (printers.ResourcePrinter, error) {
	if argument == "" {
		return nil, fmt.Errorf("the template is missing, as in -o %s=…", format)
	}
	if name, isFile := strings.CutSuffix(format, "-file"); isFile {
		data, err := os.ReadFile(argument)
		if err != nil {
			return nil, err
		}
		format, argument = name, string(data)
	}
	if format == "go-template" {
		printer, err := printers.NewGoTemplatePrinter([]byte(argument))
		if err != nil {
			return nil, err
		}
		printer.AllowMissingKeys(o.allowMissing)
		return printer, nil
	}
	printer, err := printers.NewJSONPathPrinter(relaxed(argument))
	if err != nil {
		return nil, err
	}
	printer.AllowMissingKeys(o.allowMissing)
	if format == "jsonpath-as-json" {
		printer.EnableJSONOutput(true)
	}
	return printer, nil
}

// relaxed accepts what kubectl accepts: x.y, .x.y and {.x.y} mean the same.
func relaxed(path string) string {
	if strings.Contains(path, "{") {
		return path
	}
	return "{." + strings.TrimPrefix(path, ".") + "}"
}

// Print writes an object in the chosen format. On a terminal, what a template or an encoder lets
// through of control characters is made visible; into a pipe every byte goes as it is.
func (d Deps) Print(o *Output, object runtime.Object) error {
	printer, err := o.Printer()
	if err != nil {
		return err
	}
	if !d.Terminal.Out {
		return printer.PrintObj(object, d.Streams.Out)
	}
	var b bytes.Buffer
	if err := printer.PrintObj(object, &b); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		text, end := strings.CutSuffix(line, "\n")
		if text = view.Clean(text); end {
			text += "\n"
		}
		if _, err := io.WriteString(d.Streams.Out, text); err != nil {
			return err
		}
	}
	return nil
}

// DryRun is the value of --dry-run.
type DryRun string

const (
	// DryRunNone does it.
	DryRunNone DryRun = "none"
	// DryRunClient sends nothing.
	DryRunClient DryRun = "client"
	// DryRunServer sends it, but nothing is kept.
	DryRunServer DryRun = "server"
)

// String implements pflag.Value.
func (d *DryRun) String() string {
	if *d == "" {
		return string(DryRunNone)
	}
	return string(*d)
}

// Set implements pflag.Value.
func (d *DryRun) Set(s string) error {
	switch DryRun(s) {
	case DryRunNone, DryRunClient, DryRunServer:
		*d = DryRun(s)
		return nil
	}
	return fmt.Errorf("must be none, client or server")
}

// Type implements pflag.Value.
func (d *DryRun) Type() string { return "string" }

// AddFlag binds --dry-run.
func (d *DryRun) AddFlag(cmd *cobra.Command) {
	cmd.Flags().Var(d, "dry-run", `Must be "none", "client" or "server". With client nothing is sent; with server nothing is kept.`)
	_ = cmd.RegisterFlagCompletionFunc("dry-run",
		cobra.FixedCompletions([]string{"none", "client", "server"}, cobra.ShellCompDirectiveNoFileComp))
}

// Suffix is what kubectl adds to the line that says what was done.
func (d DryRun) Suffix() string {
	switch d {
	case DryRunClient:
		return " (dry run)"
	case DryRunServer:
		return " (server dry run)"
	default:
		return ""
	}
}

// Options are the dryRun values of a request.
func (d DryRun) Options() []string {
	if d == DryRunServer {
		return []string{"All"}
	}
	return nil
}
