package http

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/camcast/camcast/cast"
)

// Camera is a stream's, of which controls can be listed and set. It is called by goroutines of net/http, several at
// once, and may wait. Its errors are shown to admins alone.
type Camera interface {
	// Controls are all that there are.
	Controls() ([]Control, error)
	// SetControl sets one. The error matches ErrNoControl if there is none of that name, and ErrBadValue if it may
	// not have the value.
	SetControl(name string, value int64) error
}

var (
	// ErrNoControl: there is no such control.
	ErrNoControl = errors.New("there is no such control")
	// ErrBadValue: a control may not have that value; the error that wraps it says which ones it may.
	ErrBadValue = errors.New("not a value of the control")
)

// Control is something that can be changed of a camera.
type Control struct {
	// Name is the one by which it is set, and Title the driver's, for a person.
	Name  string `json:"name"`
	Title string `json:"title"`
	// Kind is integer, boolean, menu, button or bitmask. A boolean's values are 0 and 1; setting a button presses it.
	Kind string `json:"kind"`
	// Value is the present one, Least to Most in steps of Step those that it may have, and Default the driver's.
	Value   int64 `json:"value"`
	Least   int64 `json:"least"`
	Most    int64 `json:"most"`
	Step    int64 `json:"step"`
	Default int64 `json:"default"`
	// Menu are the choices of a menu.
	Menu []Choice `json:"menu,omitempty"`
	// Inactive: setting it has no effect now, as another control rules it. ReadOnly: it cannot be set.
	Inactive bool `json:"inactive"`
	ReadOnly bool `json:"read_only"`
}

// Choice is a value of a menu.
type Choice struct {
	Value int64  `json:"value"`
	Name  string `json:"name"`
}

// refuseControl answers what a camera has refused.
func refuseControl(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, ErrNoControl):
		status = http.StatusNotFound
	case errors.Is(err, ErrBadValue):
		status = http.StatusUnprocessableEntity
	}
	http.Error(w, err.Error(), status)
}

// cameraFor is the camera that a request is about, if who asks may change it; else it has answered, and returns nil.
func (s *Server) cameraFor(w http.ResponseWriter, r *http.Request) (camera Camera) {
	s.askedNow(w, r, toAdmin, func(g cast.Grant) error {
		one, err := s.streamFor(r, g)
		if err == nil {
			if camera = s.cameraOf(one); camera == nil {
				err = &notFound{"the stream's source has no controls"}
			}
		}
		return err
	})
	return camera
}

// cameraOf is a stream's camera, nil if it has none. It is called on the loop.
func (s *Server) cameraOf(one *cast.Stream) Camera {
	if s.options.Camera == nil {
		return nil
	}
	return s.options.Camera(one.Name())
}

func (s *Server) serveControls(w http.ResponseWriter, r *http.Request) {
	camera := s.cameraFor(w, r)
	if camera == nil {
		return
	}
	all, err := camera.Controls()
	if err != nil {
		refuseControl(w, err)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Controls []Control `json:"controls"`
	}{append([]Control{}, all...)})
}

func (s *Server) serveSetControl(w http.ResponseWriter, r *http.Request) {
	camera := s.cameraFor(w, r)
	if camera == nil {
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
	if err := camera.SetControl(r.PathValue("control"), *wish.Value); err != nil {
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
