package main

import "testing"

// Whatever a directory has in it stays in its PowerShell string: typographic quotation marks end one as straight ones do, and a doubled or escaped one stands for itself.
func TestPowerShellStrings(t *testing.T) {
	for in, want := range map[string][3]string{
		"sip:o'brien@x": {`"sip:o'brien@x"`, `'sip:o''brien@x'`, `'sip:o\'brien@x'`},
		"a\"; calc; \"": {"\"a`\"; calc; `\"\"", `'a"; calc; "'`, `'a\"; calc; \"'`},
		"a“b”c„d":       {"\"a`“b`”c`„d\"", "'a“b”c„d'", "'a“b”c„d'"},
		"a‘b’c‚d‛e":     {"\"a‘b’c‚d‛e\"", "'a‘‘b’’c‚‚d‛‛e'", "'a‘b’c‚d‛e'"},
		"$(calc) $x `n": {"\"`$(calc) `$x ``n\"", "'$(calc) $x `n'", "'$(calc) $x `n'"},
		`a\`:            {`"a\"`, `'a\'`, `'a\\'`},
	} {
		if got := [3]string{quoted(in), single(in), inWQL(in)}; got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	n := lyncNames{user: "sip:o'brien@x", line: "tel:+1", domain: "x"}
	if got, want := n.userSetOCS()[0], "Get-WmiObject MSFT_SIPESUserSetting -Filter \"PrimaryURI = 'sip:o\\'brien@x'\" | "; len(got) < len(want) || got[:len(want)] != want {
		t.Error(got)
	}
}
