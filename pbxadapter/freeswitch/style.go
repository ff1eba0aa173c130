package freeswitch

import "strings"

// style is what a phone does when it is asked by SIP: how it is made to answer at once, and whether it obeys NOTIFY talk and hold in a dialog.
type style struct {
	Header string `yaml:"header"` // alert-info, call-info, or off: it is never made to answer by itself
	Value  string `yaml:"value"`  // of the header; empty: the usual one
	Notify string `yaml:"notify"` // yes: it obeys NOTIFY talk and hold; no: the far end is parked for it
}

// styleRow is a row of the table of phones: what the User-Agent begins with, whatever the case.
type styleRow struct {
	Agent string `yaml:"agent"`
	style `yaml:",inline"`
}

// styles are the phones that are known, by User-Agent. Configuration comes before it; docs/freeswitch.md says which have been seen. The first
// row whose words the User-Agent begins with counts.
var styles = []styleRow{
	{"yealink", style{"call-info", "", "yes"}},
	{"snom", style{"call-info", "", "yes"}},
	{"polyedge", style{"alert-info", "", "yes"}},
	{"polycom", style{"alert-info", "Auto Answer", "yes"}},
	{"poly", style{"alert-info", "Auto Answer", "yes"}},
	{"aastra", style{"alert-info", "", "yes"}},
	{"mitel", style{"alert-info", "", "yes"}},
	{"fanvil", style{"call-info", "", "yes"}},
	{"grandstream", style{"call-info", "", "no"}},
	{"cisco/spa", style{"call-info", "", "no"}},
	{"gigaset", style{"alert-info", "", "no"}},
	{"microsip", style{"call-info", "", "no"}},
	{"zoiper", style{"call-info", "", "no"}},
}

// plainStyle is that of a phone that nothing is known of: it rings, and its user lifts it; the far end is parked for it.
var plainStyle = style{Header: "off", Notify: "no"}

// styleOf finds the style of a User-Agent.
func styleOf(agent string, configured []styleRow) style {
	agent = strings.ToLower(agent)
	for _, table := range [][]styleRow{configured, styles} {
		for _, r := range table {
			if agent != "" && strings.HasPrefix(agent, strings.ToLower(r.Agent)) {
				return r.style
			}
		}
	}
	return plainStyle
}

// notify says whether the phone obeys NOTIFY.
func (s style) notify() bool { return s.Notify == "yes" }

// autoAnswer is the variables that make the phone answer at once, and what takes them off again: every header set on a leg is copied to the
// next one, and the called phone would answer by itself too.
func (s style) autoAnswer() (variables []string, unset string) {
	switch s.Header {
	case "call-info":
		v := []string{"sip_auto_answer=true"} // Call-Info with answer-after, and NOTIFY talk when it rings
		if !s.notify() {
			v = append(v, "sip_auto_answer_suppress_notify=true")
		}
		return v, "unset:sip_h_Call-Info,"
	case "alert-info":
		value := s.Value
		if value == "" {
			value = "info=alert-autoanswer"
		}
		return []string{"sip_h_Alert-Info='" + value + "'"}, "unset:sip_h_Alert-Info,"
	}
	return nil, ""
}
