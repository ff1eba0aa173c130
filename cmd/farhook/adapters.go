package main

import (
	"maps"
	"slices"

	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk"
	"farhook/pbxadapter/freeswitch"
	"farhook/pbxadapter/sim"
)

// adapters are the kinds of PBX that a configuration may name.
var adapters = map[string]pbxadapter.Factory{
	"asterisk":   asterisk.Factory,
	"freeswitch": freeswitch.Factory,
	"sim":        sim.Factory,
}

func adapterKinds() []string { return slices.Sorted(maps.Keys(adapters)) }
