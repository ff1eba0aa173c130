// Package extension reads and writes what vendors put beside the standard, in the extensions of a CSTA message. It is the only place that
// looks into foreign XML.
package extension

import (
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"farhook/csta"
)

// rcc is the namespace of Microsoft's remote call control extension.
const rcc = "http://schemas.microsoft.com/Lcs/2005/04/RCCExtension"

// Line gives the line URI that a Microsoft client puts into RequestSystemStatus and GetCSTAFeatures, without surrounding white space. It is
// found by namespace and local name, whatever its prefix. false: there is none. e may be nil.
func Line(e *csta.Extensions) (string, bool) {
	if e == nil {
		return "", false
	}
	if p := e.PrivateData; p != nil && p.Private != nil {
		if line, ok := lineIn(*p.Private); ok {
			return line, true
		}
	}
	for _, u := range e.Unknown {
		if line, ok := lineIn(u); ok {
			return line, true
		}
	}
	return "", false
}

func lineIn(a csta.Any) (string, bool) {
	root, err := tree(a)
	if err != nil {
		return "", false
	}
	for _, c := range root.ChildElements() {
		if c.Tag == "line" && c.NamespaceURI() == rcc {
			text := strings.TrimSpace(c.Text())
			return text, text != ""
		}
	}
	return "", false
}

// tree makes a tree of foreign content, under a root that declares what was in scope.
func tree(a csta.Any) (*etree.Element, error) {
	root := etree.NewElement("private")
	for _, n := range a.Scope {
		if n.Prefix == "" {
			root.CreateAttr("xmlns", n.URI)
		} else {
			root.CreateAttr("xmlns:"+n.Prefix, n.URI)
		}
	}
	open, err := element(root)
	if err != nil {
		return nil, err
	}
	d := etree.NewDocument()
	d.ReadSettings.ValidateInput = true
	d.ReadSettings.MaxDepth = csta.MaxDepth + 1
	if err := d.ReadFromString(open + string(a.Octets) + "</private>"); err != nil {
		return nil, fmt.Errorf("extension: %w", err)
	}
	return d.Root(), nil
}

// element is the start tag of e.
func element(e *etree.Element) (string, error) {
	e.SetText(" ")
	d := etree.NewDocumentWithRoot(e)
	s, err := d.WriteToString()
	if err != nil {
		return "", fmt.Errorf("extension: %w", err)
	}
	return strings.TrimSuffix(s, " </private>"), nil
}

// WithLine makes the extensions that carry a line URI, as a client sends them.
func WithLine(line string) *csta.Extensions {
	e := etree.NewElement("lcs:line")
	e.CreateAttr("xmlns:lcs", rcc)
	e.SetText(line)
	s, err := etree.NewDocumentWithRoot(e).WriteToBytes()
	if err != nil { // a buffer does not fail
		return nil
	}
	return &csta.Extensions{PrivateData: &csta.PrivateData{Private: &csta.Any{Octets: s}}}
}
