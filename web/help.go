package web

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"farhook/csta"
)

// forHelp says whether a request makes an emergency call: no limit stands in its way. The body stays to be read.
func (s *Server) forHelp(r *http.Request) bool {
	if r.Method != http.MethodPost || r.URL.Path != "/api/v1/calls" || r.Body == nil {
		return false
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(text), r.Body))
	var call struct {
		Called csta.DeviceID `json:"calledDirectoryNumber"`
	}
	return err == nil && json.Unmarshal(text, &call) == nil && s.board.Emergency(csta.MakeCall{CalledDirectoryNumber: call.Called})
}
