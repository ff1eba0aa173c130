package main

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// flat is a configuration as paths and values, such as sip.contact and gw.example.com, for comparing. Entries of lists that have a name go by it:
// pbx[main].kind. Secrets are in it as they are; see masked.
func (c Config) flat() map[string]string {
	into := make(map[string]string)
	flatten(into, "", reflect.ValueOf(c))
	return into
}

func flatten(into map[string]string, path string, v reflect.Value) {
	switch x := v.Interface().(type) {
	case RawPart:
		var any map[string]any
		if x.node != nil && yaml.NodeToValue(x.node, &any) == nil {
			flatten(into, path, reflect.ValueOf(any))
		}
		return
	case Duration:
		into[path] = time.Duration(x).String()
		return
	case Bytes:
		into[path] = fmt.Sprintf("%d octets", int64(x))
		return
	}
	join := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if name == "" {
				name = strings.ToLower(v.Type().Field(i).Name)
			}
			if v.Type().Field(i).IsExported() && name != "-" {
				flatten(into, join(name), v.Field(i))
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			flatten(into, join(fmt.Sprint(k.Interface())), v.MapIndex(k))
		}
	case reflect.Slice:
		if v.Len() > 0 && (v.Index(0).Kind() == reflect.Struct || v.Index(0).Kind() == reflect.Interface && v.Index(0).Elem().Kind() == reflect.Map) {
			for i := range v.Len() {
				flatten(into, fmt.Sprintf("%s[%s]", path, nameOf(v.Index(i), i)), v.Index(i))
			}
			return
		}
		into[path] = fmt.Sprint(v.Interface())
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			flatten(into, path, v.Elem())
		}
	default:
		into[path] = fmt.Sprint(v.Interface())
	}
}

// nameOf is what an entry of a list goes by: its name, else its place.
func nameOf(v reflect.Value, i int) string {
	if v.Kind() == reflect.Struct {
		if f := v.FieldByName("Name"); f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
			return f.String()
		}
	}
	return fmt.Sprint(i)
}

// secretKey is how keys are called whose values nobody is shown.
var secretKey = regexp.MustCompile(`(?i)(secret|password|passwd|passphrase|token|credential|private|api_?key)`)

// userInfo is what stands before the host of a URL.
var userInfo = regexp.MustCompile(`://[^/@\s]+@`)

// masked is a value as it may be shown.
func masked(path, value string) string {
	if value == "true" || value == "false" {
		return value
	}
	value = userInfo.ReplaceAllString(value, "://***@")
	if value != "" && secretKey.MatchString(path[strings.LastIndexByte(path, '.')+1:]) {
		return "***"
	}
	return value
}

// change is one value that differs between two configurations.
type change struct {
	Path    string `json:"path"`
	Was     string `json:"was,omitempty"` // empty: it wasn't there
	Now     string `json:"now,omitempty"`
	Restart bool   `json:"restart"` // it counts from the next start on
}

// live are the parts of the configuration that count at once; a path is in one if it begins with it.
var live = []string{"peers", "pbx", "log.level"}

func isLive(path string) bool {
	return slices.ContainsFunc(live, func(l string) bool {
		rest, ok := strings.CutPrefix(path, l)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// changes are what differs from one configuration to another, by path. Secrets that differ are said to, without being shown.
func changes(was, now map[string]string) []change {
	paths := maps.Clone(was)
	maps.Copy(paths, now)
	var all []change
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		a, b := was[p], now[p]
		if a == b { // also where one of them has nothing to say there
			continue
		}
		c := change{Path: p, Was: masked(p, a), Now: masked(p, b), Restart: !isLive(p)}
		if c.Was == c.Now {
			c.Now = "*** (another)"
		}
		all = append(all, c)
	}
	return all
}

func (c change) String() string {
	s := c.Path + ": "
	switch {
	case c.Was == "":
		s += c.Now + " (new)"
	case c.Now == "":
		s += c.Was + " is gone"
	default:
		s += c.Was + " becomes " + c.Now
	}
	if c.Restart {
		s += ": needs a restart"
	}
	return s
}
