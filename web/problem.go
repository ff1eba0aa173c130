package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
)

// refused turns an error of the switchboard into a problem document (RFC 9457).
func refused(err error) error {
	var e *csta.Error
	if !errors.As(err, &e) {
		e = csta.ErrUnspecified
	}
	status := switchboard.HTTPStatus(e)
	detail := e.Value
	if e.Err != nil {
		detail = e.Err.Error()
	}
	if e.Category == csta.ErrUnspecified.Category {
		detail = "a fault of the gateway's; its log has it"
	}
	if e.PBX != "" {
		detail += " (the PBX says: " + e.PBX + ")"
	}
	return &huma.ErrorModel{Type: switchboard.Type(e), Title: http.StatusText(status), Status: status, Detail: detail}
}

// problem writes a problem document outside the operations.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
}
