package http

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/camcast/camcast/cast"
)

// Controls are what can be changed of streams' cameras. They are called by goroutines of net/http, several at
// once, and may wait. Their errors are shown to admins alone.
type Controls interface {
	// Have reports whether a stream's source may have controls. It is called on the loop, and must not wait.
	Have(stream string) bool
	// List returns the controls of a stream's camera. The error is ErrNoControls if there are none.
	List(stream string) ([]Control, error)
	// Set sets one. The error is ErrNoControls if there is none of that name, and matches ErrBadValue if it may not
	// have the value.
	Set(stream, control string, value int64) error
}

var (
	// ErrNoControls: there is no such control, or none at all.
	ErrNoControls = errors.New("there is no such control")
	// ErrBadValue: a control may not have that value; the error that wraps it says which ones it may.
	ErrBadValue = errors.New("not a value of the control")
)

// Control is something that can be changed of a camera.
type Control struct {
	// Name is the one by which it is set, and Label the driver's, for a person.
	Name  string `json:"name"`
	Label string `json:"label"`
	// Kind is integer, boolean, menu or button. A boolean's values are 0 and 1; setting a button to 1 presses it.
	Kind string `json:"type"`
	// Value is the present one, Minimum to Maximum in steps of Step those that it may have, and Default the one
	// that the driver begins with.
	Value   int64 `json:"value"`
	Minimum int64 `json:"minimum"`
	Maximum int64 `json:"maximum"`
	Step    int64 `json:"step"`
	Default int64 `json:"default"`
	// Menu are the values of a menu.
	Menu []MenuItem `json:"menu,omitempty"`
	// Inactive: setting it has no effect now, as another control rules it.
	Inactive bool `json:"inactive"`
	// ReadOnly: it cannot be set.
	ReadOnly bool `json:"read_only"`
}

// MenuItem is a value of a menu.
type MenuItem struct {
	Value int64  `json:"value"`
	Label string `json:"label"`
}

// refuseControl answers what a camera has refused.
func refuseControl(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, ErrNoControls):
		status = http.StatusNotFound
	case errors.Is(err, ErrBadValue):
		status = http.StatusUnprocessableEntity
	}
	http.Error(w, err.Error(), status)
}

// mayControl reports whether who asks may change a camera that there is; else it has answered.
func (s *Server) mayControl(w http.ResponseWriter, r *http.Request) bool {
	return s.askedNow(w, r, toAdmin, func(g cast.Grant) error {
		one, err := s.streamFor(r, g)
		if err == nil && !s.hasControls(one.Name()) {
			err = &notFound{"the stream has no controls"}
		}
		return err
	})
}

// hasControls reports whether a stream may have controls.
func (s *Server) hasControls(stream string) bool {
	return s.options.Controls != nil && s.options.Controls.Have(stream)
}

func (s *Server) serveControls(w http.ResponseWriter, r *http.Request) {
	if !s.mayControl(w, r) {
		return
	}
	all, err := s.options.Controls.List(r.PathValue("stream"))
	if err != nil {
		refuseControl(w, err)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Controls []Control `json:"controls"`
	}{append([]Control{}, all...)})
}

func (s *Server) serveSetControl(w http.ResponseWriter, r *http.Request) {
	if !s.mayControl(w, r) {
		return
	}
	var wish struct {
		Value *int64 `json:"value"`
	}
	if !readJSON(w, r, &wish) {
		return
	}
	if wish.Value == nil {
		http.Error(w, `the body must have a whole number: {"value": 1}`, http.StatusUnprocessableEntity)
		return
	}
	if err := s.options.Controls.Set(r.PathValue("stream"), r.PathValue("control"), *wish.Value); err != nil {
		refuseControl(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// readJSON reads the body of a request, or answers what is wrong with it.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		http.Error(w, fmt.Sprintf("the body must have at most %d bytes", maxBody), http.StatusRequestEntityTooLarge)
		return false
	}
	if err == nil && d.More() {
		err = errors.New("there is more behind it")
	}
	if err != nil {
		http.Error(w, "the body must be JSON as /api/v1/openapi.json has it: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}
