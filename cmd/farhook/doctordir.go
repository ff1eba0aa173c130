package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"farhook/csta"
	dirs "farhook/pbxadapter/directory"
	"farhook/pbxadapter/switchboard"
)

// register is the directory as the doctor asks it.
type register struct {
	dir   *dirs.Directory
	board *switchboard.Board
}

// people finds by SIP address, by number, or by a part of the name. What is found counts even where a source can't be asked at the moment.
func (r register) people(who string) ([]person, error) {
	v := r.dir.View()
	if p, ok := v.User(dirs.Address(who)); ok {
		return []person{asPerson(p)}, nil
	}
	if p, ok := v.Number(who); ok {
		return []person{asPerson(p)}, nil
	}
	var found []person
	for i := range v.People {
		if p := &v.People[i]; who != "" && strings.Contains(strings.ToLower(p.Name), strings.ToLower(who)) {
			found = append(found, asPerson(p))
		}
	}
	if len(found) == 0 {
		return nil, r.trouble()
	}
	return found, nil
}

// trouble is why a part of the directory is old; nil: it isn't.
func (r register) trouble() error {
	for _, s := range r.dir.View().Sources {
		if s.Err != nil {
			return fmt.Errorf("%s: %w (in use is what it told at %s)", s.Name, s.Err, s.At.Format("2006-01-02 15:04"))
		}
	}
	return nil
}

func (r register) owners(line csta.DeviceID) []string {
	var all []string
	v := r.dir.View()
	for i := range v.People {
		for _, l := range v.People[i].Lines {
			if d, err := r.board.Resolve(l); err == nil && d == line {
				all = append(all, cmp.Or(v.People[i].User, v.People[i].Name, v.People[i].From))
				break
			}
		}
	}
	return all
}

func asPerson(p *dirs.Person) person {
	q := person{User: p.User, Name: p.Name, LineServer: p.LineServer, Source: p.From}
	if len(p.Lines) > 0 {
		q.Line = p.Lines[0]
	}
	if n, err := strconv.Atoi(p.Options); err == nil {
		q.Flags = &n
	}
	return q
}
