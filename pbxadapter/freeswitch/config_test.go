package freeswitch

import (
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter"
)

// What is wrong with a configuration is said: which field, what it holds, and what is wanted; everything of it at once.
func TestConfigErrors(t *testing.T) {
	ok := FeatureTemplate{Set: "db insert/dnd/{user}/true", Clear: "db delete/dnd/{user}"}
	told := FeatureEvents{Subclass: "a::b", Device: "D", Feature: "F", Value: "V"}
	set := func(f FeatureTemplate) func(*Config) {
		return func(c *Config) { c.Feat = map[string]FeatureTemplate{"do_not_disturb": f} }
	}
	device := func(d DeviceConfig) func(*Config) { return func(c *Config) { c.Devices = []DeviceConfig{d} } }
	for want, change := range map[string]func(*Config){
		`address: "pbx" is no HOST:PORT`:                                func(c *Config) { c.Address = "pbx" },
		`password: is missing`:                                          func(c *Config) { c.Password = "" },
		`password: is not one line`:                                     func(c *Config) { c.Password = "a\nb" },
		`user: "cti" is no USER@DOMAIN`:                                 func(c *Config) { c.User = "cti" },
		`user: "cti@pbx.test:x" is no USER@DOMAIN`:                      func(c *Config) { c.User = "cti@pbx.test:x" },
		`domain: "" is no domain`:                                       func(c *Config) { c.Domain = "" },
		`domain: "pbx.test:5060" is no domain`:                          func(c *Config) { c.Domain = "pbx.test:5060" },
		`dialplan: "X ML" is no name`:                                   func(c *Config) { c.Dialplan = "X ML" },
		`room: "a@b" is no name`:                                        func(c *Config) { c.Room = "a@b" },
		`room_profile: "" is no name`:                                   func(c *Config) { c.RoomKind = "" },
		`context: "a b" is no name`:                                     func(c *Config) { c.Context = "a b" },
		`ring_time: 0 is out of range: 1 to 300 (seconds)`:              func(c *Config) { c.RingTime = 0 },
		`ring_time: 301 is out of range: 1 to 300 (seconds)`:            func(c *Config) { c.RingTime = 301 },
		`dial_characters: "0-9|": want characters of numbers, none of`:  func(c *Config) { c.Characters = "0-9|" },
		`dial_characters: "": want characters of numbers`:               func(c *Config) { c.Characters = "" },
		`ringback: "a b" holds a character that ends it`:                func(c *Config) { c.Ringback = "a b" },
		`music: "a^b" holds a character that ends it`:                   func(c *Config) { c.Music = "a^b" },
		`devices[0].user: "" is no user`:                                device(DeviceConfig{}),
		`devices[0].user: "201@x" is no user`:                           device(DeviceConfig{User: "201@x"}),
		`devices[1].user: 201 is there twice`:                           func(c *Config) { c.Devices = []DeviceConfig{{User: "201"}, {User: "201"}} },
		`devices[0].number: "12-3" is no number`:                        device(DeviceConfig{User: "201", Number: "12-3"}),
		`devices[0].context: "a b" is no name`:                          device(DeviceConfig{User: "201", Context: "a b"}),
		`devices[0].style.header: "x": alert-info, call-info or off`:    device(DeviceConfig{User: "201", Style: &style{Header: "x", Notify: "no"}}),
		`devices[0].style.notify: "maybe": yes or no`:                   device(DeviceConfig{User: "201", Style: &style{Header: "off", Notify: "maybe"}}),
		`devices[0].style.value: "a,b" holds a character that ends it`:  device(DeviceConfig{User: "201", Style: &style{Header: "alert-info", Value: "a,b", Notify: "no"}}),
		`styles[0].agent: is missing`:                                   func(c *Config) { c.Styles = []styleRow{{"", style{"off", "", "no"}}} },
		`styles[0].notify: "": yes or no`:                               func(c *Config) { c.Styles = []styleRow{{"snom", style{"off", "", ""}}} },
		`park.lot: "" is no name`:                                       func(c *Config) { c.Park.Lot, c.Park.Slots = "", []string{"501"} },
		`park.lot: "a b" is no name`:                                    func(c *Config) { c.Park.Lot = "a b" },
		`park.slots[1]: "x" is no number`:                               func(c *Config) { c.Park.Lot, c.Park.Slots = "office", []string{"501", "x"} },
		`features.dnd: there is none of that name: do_not_disturb, for`: func(c *Config) { c.Feat = map[string]FeatureTemplate{"dnd": ok} },
		`features.do_not_disturb.set: want one line`:                    set(FeatureTemplate{Set: "a\nb", Clear: ok.Clear}),
		`features.do_not_disturb.clear: want one line`:                  set(FeatureTemplate{Set: ok.Set}),
		`features.do_not_disturb.get: "x {device}": {user}, {domain}, {number} and {seconds} are filled in, nothing else`: set(FeatureTemplate{ok.Set, ok.Clear, "x {device}"}),
		`feature_events[0]: subclass, device, feature and value are wanted`:                                               func(c *Config) { c.Event = []FeatureEvents{{Subclass: "a::b", Device: "D", Feature: "F"}} },
		`feature_events[1]: subclass, device, feature and value are wanted`: func(c *Config) {
			bad := told
			bad.Subclass = "a b"
			c.Event = []FeatureEvents{told, bad}
		},
		`feature_events[0].names.DND: there is no feature "dnd"`: func(c *Config) {
			bad := told
			bad.Names = map[string]string{"DND": "dnd"}
			c.Event = []FeatureEvents{bad}
		},
	} {
		c := realConfig("127.0.0.1:8021", "x")
		if err := c.check(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		err := c.check()
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	c := realConfig("127.0.0.1:8021", "")
	c.RingTime, c.Domain = -1, "a b"
	if err := c.check(); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all three are said: %v", err)
	}
}

// What a device lacks is said with its reason, word for word: people read it.
func TestReasons(t *testing.T) {
	s := newScript(t, false)
	s.a.mu.Lock()
	defer s.a.mu.Unlock()
	a := s.a
	dumb := &style{Header: "off", Notify: "no"}
	a.stations["201"].agent = ""
	a.stations["202"].agent = "NoSuchPhone 1"
	a.stations["203"].fixed = dumb
	a.stations["204"].group = ""
	answers := "does not answer when it is told to"
	picks := "cannot be made to answer at once, and a pickup must not ring"
	unknown, named, fixed := "the phone, of which nothing is known: set devices.style, or a row of styles, ", `the phone, which calls itself "NoSuchPhone 1", `, "the phone, by its configured style, "
	for u, want := range map[string]map[csta.Service]string{
		"201": {"AnswerCall": unknown + answers, "DirectedPickupCall": unknown + picks, "GroupPickupCall": unknown + picks},
		"202": {"AnswerCall": named + answers, "DirectedPickupCall": named + picks, "GroupPickupCall": named + picks},
		"203": {"AnswerCall": fixed + answers, "DirectedPickupCall": fixed + picks, "GroupPickupCall": fixed + picks},
		"204": {"GroupPickupCall": "the device is in no pickup_group"},
		"205": {},
	} {
		same(t, u, a.lacks(a.stations[u]), want)
	}
	a.conf.Park.Slots, a.conf.Feat, a.conf.Sync = nil, nil, false
	const no = ", and feature_sync is off"
	bare := map[csta.Service]string{
		"ParkCall":        "no park slots are configured",
		"SetDoNotDisturb": "no commands are configured for do_not_disturb" + no, "GetDoNotDisturb": "no commands are configured for do_not_disturb" + no,
		"SetForwarding": "no commands are configured for forwarding" + no, "GetForwarding": "no commands are configured for forwarding" + no,
	}
	same(t, "205, nothing configured", a.lacks(a.stations["205"]), bare)
	a.conf.Sync = true
	same(t, "205, synchronised", a.lacks(a.stations["205"]), map[csta.Service]string{"ParkCall": bare["ParkCall"]})
	slot := a.slotLacks()
	for service := range a.Services() {
		_, lacks := slot[service]
		if can := service == "SnapshotDevice" || service == "SnapshotCall" || service == "GetLogicalDeviceInformation" || service == "ClearConnection" || service == "ClearCall"; can == lacks {
			t.Errorf("a slot lacks %s: %v", service, lacks)
		}
	}
}

func same(t *testing.T, who string, got map[csta.Service]pbxadapter.Reason, want map[csta.Service]string) {
	t.Helper()
	for service, why := range got {
		if string(why) != want[service] {
			t.Errorf("%s lacks %s: %q, want %q", who, service, why, want[service])
		}
	}
	for service := range want {
		if got[service] == "" {
			t.Errorf("%s has %s", who, service)
		}
	}
}
