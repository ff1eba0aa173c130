package web

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Diagnosis is what the doctor says of a user's way through the gateway.
type Diagnosis struct {
	User     string    `json:"user,omitempty"`
	Health   string    `json:"health" enum:"ok,warning,broken" doc:"The worst of the findings"`
	Findings []Finding `json:"findings" nullable:"false" doc:"In the order of the way: what comes first is the cause of what comes later"`
}

// Finding is what one step found.
type Finding struct {
	Step      string   `json:"step" doc:"What was looked at"`
	Health    string   `json:"health" enum:"ok,unknown,warning,broken"`
	Found     string   `json:"found" doc:"What it found, in a sentence"`
	Cure      []string `json:"cure,omitempty" doc:"What to do, one act each; commands as they are to be typed"`
	FoundText Text     `json:"foundText" doc:"The same as found, for programs that say it in another language"`
	CureTexts []Text   `json:"cureTexts,omitempty" nullable:"false" doc:"The same as cure, likewise"`
}

// Text is a sentence in parts, so that it can be said in other languages: its format is what a catalogue has a translation of.
type Text struct {
	Format string `json:"format" doc:"The sentence in English, with %s where each of args goes; without args it stands as it is"`
	Args   []Text `json:"args,omitempty" nullable:"false" doc:"What goes there. A name, a number, a command is a format without args that no catalogue has"`
}

// String is the sentence in English.
func (t Text) String() string {
	if len(t.Args) == 0 {
		return t.Format
	}
	var s strings.Builder
	pieces := strings.Split(t.Format, "%s")
	for i, p := range pieces {
		s.WriteString(p)
		if i < len(t.Args) && i < len(pieces)-1 {
			s.WriteString(t.Args[i].String())
		}
	}
	return s.String()
}

type doctorInput struct {
	User string `query:"user" maxLength:"256" doc:"SIP address, name or line; without, the gateway alone is looked at"`
}

type doctorOutput struct{ Body Diagnosis }

func (s *Server) doctor(ctx context.Context, in *doctorInput) (*doctorOutput, error) {
	if s.conf.Diagnose == nil {
		return nil, huma.Error501NotImplemented("this gateway has no doctor")
	}
	return &doctorOutput{s.conf.Diagnose(ctx, in.User)}, nil
}
