package asterisk

import "strings"

// Style is what a phone does when it is asked by SIP: how it is made to answer at once, and whether it obeys NOTIFY talk and hold in a dialog.
type Style struct {
	Header string `yaml:"header"` // alert-info, call-info, or off: it is never made to answer by itself
	Value  string `yaml:"value"`  // of the header; empty: the usual one
	Notify string `yaml:"notify"` // yes: it obeys NOTIFY talk and hold; no
}

// StyleRow is a row of the table of phones: what the User-Agent begins with, whatever the case.
type StyleRow struct {
	Agent string `yaml:"agent"`
	Style `yaml:",inline"`
}

// styles are the phones that are known, by User-Agent. Configuration comes before it; docs/asterisk.md says which have been seen. The first
// row whose words the User-Agent begins with counts.
var styles = []StyleRow{
	{"yealink", Style{"alert-info", "", "yes"}},
	{"snom", Style{"alert-info", "", "yes"}},
	{"polyedge", Style{"off", "", "yes"}},
	{"polycom", Style{"alert-info", "Auto Answer", "yes"}},
	{"poly", Style{"alert-info", "Auto Answer", "yes"}},
	{"aastra", Style{"alert-info", "", "yes"}},
	{"mitel", Style{"alert-info", "", "yes"}},
	{"grandstream", Style{"call-info", "", "no"}},
	{"fanvil", Style{"alert-info", "", "yes"}},
	{"cisco/spa", Style{"call-info", "", "no"}},
	{"gigaset", Style{"alert-info", "", "no"}},
	{"microsip", Style{"call-info", "", "no"}},
	{"zoiper", Style{"call-info", "", "no"}},
}

// plainStyle is that of a phone that nothing is known of: it rings, and its user lifts it.
var plainStyle = Style{Header: "off", Notify: "no"}

// styleOf finds the style of a User-Agent.
func styleOf(agent string, configured []StyleRow) Style {
	agent = strings.ToLower(agent)
	for _, table := range [][]StyleRow{configured, styles} {
		for _, r := range table {
			if agent != "" && strings.HasPrefix(agent, strings.ToLower(r.Agent)) {
				return r.Style
			}
		}
	}
	return plainStyle
}

// notify says whether the phone obeys NOTIFY.
func (s Style) notify() bool { return s.Notify == "yes" }

// prompts says whether the phone can be made to answer by itself.
func (s Style) prompts() bool { return s.Header == "alert-info" || s.Header == "call-info" }

// variable is the channel variable by which a call makes the phone answer at once.
func (s Style) variable() (name, value string) {
	switch s.Header {
	case "alert-info":
		if s.Value != "" {
			return "PJSIP_HEADER(add,Alert-Info)", s.Value
		}
		return "PJSIP_HEADER(add,Alert-Info)", "<http://farhook.invalid>;info=alert-autoanswer;delay=0"
	case "call-info":
		if s.Value != "" {
			return "PJSIP_HEADER(add,Call-Info)", s.Value
		}
		return "PJSIP_HEADER(add,Call-Info)", "<http://farhook.invalid>;answer-after=0"
	}
	return "", ""
}
