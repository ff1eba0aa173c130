package csta

import (
	"bytes"
	"regexp"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

var (
	xmlDeclaration = regexp.MustCompile(`^\s*<\?xml\s+version\s*=\s*["']([^"']*)["'](?:\s+encoding\s*=\s*["']([^"']*)["'])?(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>`)
	xmlStart       = regexp.MustCompile(`^\s*<\?xml\s`)
)

// usual says whether a document begins as nearly all do, so that its declaration need not be taken apart.
func usual(head []byte) bool {
	if !bytes.HasPrefix(head, []byte("<?")) {
		return bytes.HasPrefix(head, []byte("<")) && !bytes.HasPrefix(head, []byte("<!"))
	}
	for _, d := range [...]string{`<?xml version="1.0"?>`, `<?xml version="1.0" encoding="UTF-8"?>`, `<?xml version="1.0" encoding="utf-8"?>`} {
		if len(head) >= len(d) && string(head[:len(d)]) == d {
			return true
		}
	}
	return false
}

// toUTF8 gives the document in UTF-8, by byte order mark or declaration (protocol: phones say ISO-8859-1, some peers UTF-16).
// Trailing white space and NULs are cut off.
func toUTF8(body []byte) ([]byte, error) {
	fail := func(reason string) ([]byte, error) { return nil, &SyntaxError{Reason: reason} }
	wide := false
	switch {
	case bytes.HasPrefix(body, []byte("\xEF\xBB\xBF")):
		body = body[3:]
	case bytes.HasPrefix(body, []byte("\xFF\xFE")), bytes.HasPrefix(body, []byte("\xFE\xFF")):
		out, err := unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder().Bytes(body)
		if err != nil {
			return fail("the body is not UTF-16, as its byte order mark says")
		}
		body, wide = out, true
	}
	body = bytes.TrimRight(body, " \t\r\n\x00")
	head := body[:min(len(body), 256)]
	if usual(head) {
		return body, nil
	}
	d := xmlDeclaration.FindSubmatch(head)
	if d == nil {
		if xmlStart.Match(head) {
			return fail("the XML declaration is malformed")
		}
		return body, nil
	}
	if string(d[1]) != "1.0" {
		return fail("XML " + string(clip(d[1])) + " is not read, XML 1.0 is")
	}
	switch name := strings.ToLower(string(d[2])); name {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return body, nil
	case "utf-16", "utf-16le", "utf-16be":
		if !wide {
			return fail("the body is declared UTF-16 and has no byte order mark")
		}
		return body, nil
	case "iso-8859-1", "latin1":
		return charmap.ISO8859_1.NewDecoder().Bytes(body)
	case "windows-1252", "cp1252":
		return charmap.Windows1252.NewDecoder().Bytes(body)
	default:
		return fail("the encoding " + name + " is not read")
	}
}
