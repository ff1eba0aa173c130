package main

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

//go:generate sh -c "go run . reference support > ../../docs/support.md"
//go:generate sh -c "go run . reference configuration > ../../docs/configuration.md"
//go:generate sh -c "go run . reference errors > ../../docs/errors.md"

type referenceCmd struct {
	Page string `arg:"" enum:"support,configuration,errors" help:"Which page: support, configuration or errors."`
}

// Run of reference: a page of the documentation that is made from the program.
func (r *referenceCmd) Run(s *streams) error {
	switch r.Page {
	case "support":
		return supportPage(s.out)
	case "errors":
		return errorsPage(s.out)
	}
	return configurationPage(s.out)
}

// barePBX is the least that a kind needs to be made. experimental: with services that were never seen on a real one.
func barePBX(kind string, experimental bool) string {
	settings := map[string]string{
		"asterisk":   fmt.Sprintf("{address: '127.0.0.1:5038', username: farhook, secret: none, experimental: %v}", experimental),
		"freeswitch": "{address: '127.0.0.1:8021', domain: pbx.example.com, password: none}",
	}[kind]
	if settings == "" {
		return fmt.Sprintf("rights: trusted\npbx: [{name: one, kind: %s}]", kind)
	}
	return fmt.Sprintf("rights: trusted\npbx: [{name: one, kind: %s, settings: %s}]", kind, settings)
}

// offeredBy are the services of a kind of PBX.
func offeredBy(kind string, experimental bool) (csta.Services, error) {
	c, err := parse(kind, []byte(barePBX(kind, experimental)))
	if err != nil {
		return nil, err
	}
	pbxs, err := makePBXs(c, nil)
	if err != nil {
		return nil, err
	}
	return pbxs[0].Adapter.Services(), nil
}

func supportPage(w io.Writer) error {
	kinds := adapterKinds()
	offered, tried := make(map[string]csta.Services), make(map[string]csta.Services)
	known := make(map[csta.Service]bool)
	for _, k := range kinds {
		var err error
		if offered[k], err = offeredBy(k, false); err != nil {
			return err
		}
		if tried[k], err = offeredBy(k, true); err != nil {
			return err
		}
	}
	for _, s := range switchboard.KnownServices() {
		known[s] = true
	}
	fmt.Fprintf(w, `# CSTA services

Made from the program (`+"`make generate`"+`): what each kind of PBX carries out. A phone may lack some of it: GetCSTAFeatures, REST and `+"`farhook doctor LINE`"+` tell
of each, and why. All other services of ECMA-269 are understood, and answered `+"`operation/serviceNotSupported`"+`.

**yes**: carried out by the PBX. **gateway**: answered by farhook, from what it knows. **experimental**: with the PBX's setting `+"`experimental: true`"+`; it was never seen on a real one.
**–**: not offered.

| service | %s |
|---|%s
`, strings.Join(kinds, " | "), strings.Repeat("---|", len(kinds)))
	row := func(s csta.Service, cell func(kind string) string) {
		fmt.Fprintf(w, "| %s |", s)
		for _, k := range kinds {
			fmt.Fprintf(w, " %s |", cell(k))
		}
		fmt.Fprintln(w)
	}
	for _, s := range slices.Sorted(maps.Keys(known)) {
		link, _ := switchboard.Takes(s)
		row(s, func(k string) string {
			switch {
			case !link:
				return "gateway"
			case offered[k][s] != nil:
				return "yes"
			case tried[k][s] != nil:
				return "experimental"
			}
			return "–"
		})
	}
	for _, s := range switchboard.SessionServices() {
		row(s, func(string) string { return "gateway" })
	}
	_, err := fmt.Fprint(w, `
Events are those of ECMA-269 that follow from what the calls do; a monitor's filter leaves out what its client doesn't want. Bodies are ECMA-323 XML, read in the
editions 1 to 6 and answered in the edition that was asked in.
`)
	return err
}

// keysOf lists the keys of a part of the configuration, with their types and defaults.
func keysOf(w io.Writer, path string, v reflect.Value) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		f, at := v.Field(i), strings.TrimPrefix(path+"."+name, ".")
		switch {
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			keysOf(w, at+"[]", reflect.New(f.Type().Elem()).Elem())
			continue
		case f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.Struct:
			keysOf(w, at, reflect.New(f.Type().Elem()).Elem())
			continue
		case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[RawPart]():
			keysOf(w, at, f)
			continue
		}
		kind, value := keyType(f)
		counts := "restart"
		if isLive(at) {
			counts = "reload"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", at, kind, value, counts)
	}
}

func keyType(f reflect.Value) (kind, value string) {
	code := func(v any) string {
		if s := fmt.Sprint(v); s != "" {
			return "`" + s + "`"
		}
		return ""
	}
	switch x := f.Interface().(type) {
	case Duration:
		kind = "duration"
		if x != 0 {
			value = code(strings.NewReplacer("m0s", "m", "h0m", "h").Replace(time.Duration(x).String()))
		}
		return kind, value
	case Bytes:
		b, err := yaml.Marshal(int64(x) >> 20)
		if err == nil {
			value = code(strings.TrimSpace(string(b)) + "MiB")
		}
		return "octets", value
	case RawPart:
		return "settings of the kind", ""
	}
	switch f.Kind() {
	case reflect.Slice:
		var all []string
		for i := range f.Len() {
			all = append(all, code(f.Index(i).Interface()))
		}
		return "list", strings.Join(all, ", ")
	case reflect.Bool:
		return "true, false", code(f.Interface())
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint16:
		return "number", code(f.Interface())
	case reflect.Map:
		return "map", ""
	default:
		return "text", code(f.Interface())
	}
}

func configurationPage(w io.Writer) error {
	fmt.Fprint(w, `# Configuration

Made from the program (`+"`make generate`"+`). First all keys with their defaults, then the commented example: it is what `+"`farhook config example`"+` prints.

Unknown keys are errors. `+"`farhook config check FILE`"+` names line and field of what is wrong. Every key may also be given in the environment: `+"`FARHOOK_SIP__CONTACT`"+` is `+"`sip.contact`"+`.
**reload**: it counts at once when the file changes; **restart**: from the next start on (sessions outlive that: [operate.md](operate.md)). What `+"`pbx[].settings`"+` takes depends on the kind.

| key | type | default | counts |
|---|---|---|---|
`)
	keysOf(w, "", reflect.ValueOf(defaults()))
	_, err := fmt.Fprintf(w, "\n## The example\n\n```yaml check\n%s```\n", example)
	return err
}
