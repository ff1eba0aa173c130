package fake

import (
	"fmt"
	"slices"
)

// What a test looks at.

// Acted is what was asked for so far that does something, in order.
func (p *PBX) Acted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.actions)
}

func (p *PBX) hear(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, line...)
}

// Heard is all that its clients have said since it was last asked, as it came by their connections.
func (p *PBX) Heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	said := string(p.heard)
	p.heard = nil
	return said
}

// Listed counts how often all channels were asked for.
func (p *PBX) Listed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lists
}

// Outside is what was dialled to the outside so far, in order.
func (p *PBX) Outside() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.outside)
}

// Pressed are the keys that an endpoint has been played so far.
func (p *PBX) Pressed(endpoint string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pressed[endpoint]
}

// Stored is a value of the AstDB, by family and key; empty where there is none.
func (p *PBX) Stored(family, key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.db[family+"/"+key]
}

// State is a custom device state; empty where it was never set.
func (p *PBX) State(device string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.states["Custom:"+device]
}

// Listing has f called after each list of all channels has been told, with the number of lists so far.
func (p *PBX) Listing(f func(n int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listed = f
}

// Asked counts how often an action was asked for.
func (p *PBX) Asked(action string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[action]
}

// Channels counts the channels.
func (p *PBX) Channels() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.chans)
}

// Endpoints lists whose phones have a channel.
func (p *PBX) Endpoints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for _, c := range p.list() {
		if p.phones[c.endpoint] != nil && !slices.Contains(list, c.endpoint) {
			list = append(list, c.endpoint)
		}
	}
	return list
}

// Together says whether two endpoints hear each other.
func (p *PBX) Together(x, y string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.bridges {
		var hasX, hasY bool
		for _, c := range b.members {
			hasX, hasY = hasX || c.endpoint == x && !c.held, hasY || c.endpoint == y && !c.held
		}
		if hasX && hasY {
			return true
		}
	}
	return false
}

// Party is a channel as an onlooker sees it.
type Party struct {
	Endpoint string
	With     string // the bridge's kind and the ids of the others in it; empty where there are none
	Left     bool   // nobody is there for it: our dialplan lines keep it for somebody who is not kept, or it is the last one in a room
}

// Parties are all channels by their ids.
func (p *PBX) Parties() map[string]Party {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := func(c *channel) bool {
		return c != nil && c.bridge == nil && c.ctx == p.conf.Context && (c.exten == "cstahold" || c.exten == "cstapark")
	}
	rung := slices.ContainsFunc(p.chans, func(c *channel) bool { return c.originate != nil && c.originate.ctx == p.conf.Context }) // into a room
	all := map[string]Party{}
	for _, c := range p.chans {
		x := Party{Endpoint: c.endpoint}
		if b := c.bridge; b != nil {
			var others []string
			for _, m := range b.members {
				if m != c {
					others = append(others, m.id)
				}
			}
			slices.Sort(others)
			x.With = fmt.Sprint(b.kind, others)
			x.Left = b.kind == "base" && len(others) == 0 && !rung
		}
		x.Left = x.Left || kept(c) && !kept(p.named(c.vars["CSTA_PEER"]))
		all[c.id] = x
	}
	return all
}
