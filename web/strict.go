package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// strictJSON reads bodies in which no member is there twice: of two one would be checked, and the other one used.
var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}

func unmarshal(b []byte, into any) error {
	if err := membersOnce(b); err != nil {
		return err
	}
	err := json.Unmarshal(b, into)
	if kind := new(json.UnmarshalTypeError); errors.As(err, &kind) && kind.Field != "" {
		return fmt.Errorf("%s can't be a JSON %s", kind.Field, kind.Value)
	}
	return err
}

// membersOnce says which member is there twice in one object. Names that differ in case alone are one to who reads them. What is no JSON is for others to say.
func membersOnce(b []byte) error {
	type level struct {
		names map[string]bool // nil: an array
		value bool            // a name was there: its value comes
	}
	var in []level
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	for {
		t, err := d.Token()
		if err != nil {
			return nil //nolint:nilerr // the end, or for others to say
		}
		if t == json.Delim('}') || t == json.Delim(']') {
			in = in[:len(in)-1]
			continue
		}
		if n := len(in) - 1; n >= 0 && in[n].names != nil {
			if in[n].value = !in[n].value; in[n].value {
				name, _ := t.(string)
				same := strings.ToLower(strings.ToUpper(name))
				if in[n].names[same] {
					return fmt.Errorf("the member %.100q is there twice", name)
				}
				in[n].names[same] = true
				continue
			}
		}
		switch t {
		case json.Delim('{'):
			in = append(in, level{names: make(map[string]bool)})
		case json.Delim('['):
			in = append(in, level{})
		}
	}
}

// brief leaves out of what was wrong with a request the values that are long, or a secret.
func brief(all []*huma.ErrorDetail) []*huma.ErrorDetail {
	for _, e := range all {
		text, isText := e.Value.(string)
		_, isObject := e.Value.(map[string]any)
		_, isList := e.Value.([]any)
		if isText && len(text) > 200 || isObject || isList || e.Location == "body" || strings.Contains(strings.ToLower(e.Location), "password") {
			e.Value = nil
		}
	}
	return all
}

// readable says why a query can't be taken at its word, with a status: what can't be read would count as not there, of two of one name one would, and a dry run
// that is empty would be none. Streams may have several devices, calls and kinds.
func readable(r *http.Request) (status int, wrong string) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return http.StatusBadRequest, "the query can't be read: " + err.Error()
	}
	stream := r.URL.Path == "/api/v1/events" || r.URL.Path == "/api/v1/stream"
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if n := len(q[name]); n > 1 && (!stream || name == "after" || name == "part") {
			return http.StatusUnprocessableEntity, fmt.Sprintf("query.%s: it is there %d times", name, n)
		}
	}
	if slices.Contains(strings.Split(r.URL.RawQuery, "&"), "dryRun=") {
		return http.StatusUnprocessableEntity, "query.dryRun: it is empty; true and false are known"
	}
	return 0, ""
}
