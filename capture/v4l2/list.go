package v4l2

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Device is a camera that there is.
type Device struct {
	Path string
	// Card is the camera's name, Driver the kernel's driver and Bus where it is plugged
	// in, as the driver tells them.
	Card, Driver, Bus string
}

// Details are what a camera has.
type Details struct {
	Device
	Modes    []Mode // by format, in the order of Formats, and then what cannot be broadcast
	Controls []Control
	// Default is the mode that is taken without a wish; nil: none can be broadcast.
	Default *Mode
}

// Mode is a format and a size of a camera, and its rates.
type Mode struct {
	// Format is the format's name in Options; "": it cannot be broadcast. FourCC is its code of four
	// letters.
	Format, FourCC string
	// Width and Height are the size, or, of several, the one that is taken without a wish. Sizes says in
	// words which these are;
	// "": it is this one alone. Both are 0 if the driver does not tell.
	Width, Height int
	Sizes         string
	Rates         Rates
}

// paths are the video devices, by their numbers.
func paths() []string {
	all, _ := filepath.Glob("/dev/video[0-9]*") // the pattern is a good one
	number := func(path string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(path, "/dev/video"))
		if err != nil {
			return -1
		}
		return n
	}
	all = slices.DeleteFunc(all, func(path string) bool { return number(path) < 0 })
	slices.SortFunc(all, func(a, b string) int { return number(a) - number(b) })
	return all
}

// List returns the cameras there are, by their numbers. Devices that cannot be opened, or are no
// cameras, are left out. It may wait for drivers.
func List() (devices []Device) {
	for _, path := range paths() {
		_ = withCamera(path, func(_ int, d Device) error {
			devices = append(devices, d)
			return nil
		})
	}
	return devices
}

// Found is a camera that ListDetails has found, or could not look at.
type Found struct {
	Details
	Err error
}

// ListDetails returns the cameras there are, as List, with what they have; and the devices that may be
// cameras and cannot be opened, with the reason. It may wait for drivers.
func ListDetails() (all []Found) {
	for _, path := range paths() {
		d, err := Inspect(path)
		if errors.Is(err, errNotVideo) || errors.Is(err, errNoCapture) {
			continue
		}
		d.Path = path
		all = append(all, Found{d, err})
	}
	return all
}

// Inspect says what a camera has. Another program may be using it meanwhile. It may wait for the driver.
func Inspect(path string) (d Details, err error) {
	err = withCamera(path, func(fd int, device Device) (err error) {
		has := offers(fd)
		d.Device, d.Modes = device, modesOf(has, func(m mode) Rates { return ratesOf(fd, m) })
		if m, _, err := choose(Options{}, has, func(m mode) float64 { return ratesOf(fd, m).fastest() }); err == nil {
			d.Default = &Mode{Format: m.coding, FourCC: m.fourCC, Width: m.width, Height: m.height}
		}
		d.Controls, err = controlDevice(fd).controls()
		return err
	})
	if err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// modesOf lists the modes of what a camera offers.
func modesOf(has map[string][]sizeRange, rates func(mode) Rates) (modes []Mode) {
	var codes []string
	for _, c := range codings {
		if _, offered := has[c.fourCC]; offered {
			codes = append(codes, c.fourCC)
		}
	}
	known := len(codes)
	for code := range has {
		if !slices.Contains(codes[:known], code) {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes[known:])
	for i, code := range codes {
		var of coding // as which it is broadcast
		if i < known {
			of = codings[slices.IndexFunc(codings, func(c coding) bool { return c.fourCC == code })]
		}
		if len(has[code]) == 0 {
			modes = append(modes, Mode{Format: of.name, FourCC: code})
		}
		for _, size := range has[code] {
			m := Mode{Format: of.name, FourCC: code}
			m.Width, m.Height = preferred([]sizeRange{size}, of.width, of.height)
			if !size.isOne() {
				m.Sizes = size.String()
			}
			m.Rates = rates(mode{coding: of.name, fourCC: code, width: m.Width, height: m.Height})
			modes = append(modes, m)
		}
	}
	return modes
}

// Controls lists the controls of a camera, with their values. It may wait for the driver: call it in a job
// of a worker. A camera that streams need not be closed for it.
func Controls(path string) (controls []Control, err error) {
	err = withCamera(path, func(fd int, _ Device) (err error) {
		controls, err = controlDevice(fd).controls()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return controls, nil
}

// SetControls sets controls of a camera, in this order, and returns all of them as they are then. No control
// is set if a name is unknown, or a value is none that the control can have: the error says which there
// are. It may wait for the driver, as Controls.
func SetControls(path string, settings []Setting) (controls []Control, err error) {
	err = withCamera(path, func(fd int, _ Device) (err error) {
		if err = apply(controlDevice(fd), settings); err == nil {
			controls, err = controlDevice(fd).controls()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return controls, nil
}

// FindControl finds a control by its name, as settings name it. Its error lists the near names, or all.
func FindControl(controls []Control, name string) (*Control, error) { return find(controls, name) }
