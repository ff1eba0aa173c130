package main

import (
	"fmt"

	"farhook/pbxadapter/switchboard"
)

// CodesConfig are numbers of a PBX's own dialplan that stand for something at a line.
type CodesConfig struct {
	Voicemail           switchboard.Code `yaml:"voicemail"`
	ThroughDoNotDisturb switchboard.Code `yaml:"through_do_not_disturb"`
}

// codes are those that a PBX has. The simulated one has its own, where the configuration says nothing.
func (p PBXConfig) codes() switchboard.Codes {
	if p.Kind == "sim" && p.Codes == (CodesConfig{}) {
		return switchboard.Codes{Voicemail: "*98{extension}", ThroughDoNotDisturb: "*99{extension}"}
	}
	return switchboard.Codes(p.Codes)
}

// codesWrongs lists what is wrong with every PBX's codes.
func (c Config) codesWrongs() (w []wrong) {
	for i, p := range c.PBX {
		for _, x := range []struct {
			key  string
			code switchboard.Code
		}{{"voicemail", p.Codes.Voicemail}, {"through_do_not_disturb", p.Codes.ThroughDoNotDisturb}} {
			if err := x.code.Check(); err != nil {
				w = append(w, wrong{fmt.Sprintf("$.pbx[%d].codes.%s", i, x.key), err.Error()})
			}
		}
		if v := p.Codes.Voicemail; v != "" && v == p.Codes.ThroughDoNotDisturb {
			w = append(w, wrong{fmt.Sprintf("$.pbx[%d].codes", i), fmt.Sprintf("%q cannot be both the voicemail and the way through a do not disturb", string(v))})
		}
	}
	return w
}
