package v4l2

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// ControlKind is what the value of a control is.
type ControlKind string

// The kinds of controls. Those of other kinds (texts, arrays) are not listed.
const (
	Integer ControlKind = "integer"
	Boolean ControlKind = "boolean"
	Menu    ControlKind = "menu"    // one of Control.Menu, by its index
	Button  ControlKind = "button"  // has no value: setting it does something
	Bitmask ControlKind = "bitmask" // a set of bits
)

// Control is a setting of a camera, such as its brightness.
type Control struct {
	// Name is what it is called in settings: the driver's name in lower case, all but letters and
	// digits made "_", such as exposure_auto. Title is the driver's name.
	Name  string `json:"name"`
	Title string `json:"title"`
	// Kind says what Value is.
	Kind ControlKind `json:"kind"`
	// Least, Most and Step are what the value may be, and Default is the driver's.
	Least   int64 `json:"least"`
	Most    int64 `json:"most"`
	Step    int64 `json:"step"`
	Default int64 `json:"default"`
	// Value is the present one: 0 for a button.
	Value int64 `json:"value"`
	// Menu are the choices of a menu.
	Menu []MenuItem `json:"menu,omitempty"`
	// ReadOnly: it cannot be set. Inactive: it has no effect as long as another control, such as an
	// automatic mode, is set as it is; the driver may refuse to set it.
	ReadOnly bool `json:"read_only,omitempty"`
	Inactive bool `json:"inactive,omitempty"`

	id     uint32
	isWide bool // 64 bits
}

// MenuItem is a choice of a menu.
type MenuItem struct {
	Index int64  `json:"index"`
	Name  string `json:"name"` // the driver's; for a menu of numbers the number
}

// Setting is a control and the value that it is to have, as a person writes it: a number, decimal or
// hexadecimal (0x1f); of a menu the index or the name of a choice; of a boolean 1, 0, on, off, true or
// false; of a button anything.
type Setting struct{ Name, Value string }

// ParseSetting takes NAME=VALUE apart.
func ParseSetting(text string) (Setting, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return Setting{}, fmt.Errorf("%q: must be NAME=VALUE, such as brightness=10", text)
	}
	return Setting{Name: name, Value: value}, nil
}

// controlName makes a name of a driver's, as v4l2-ctl does.
func controlName(title string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(title) {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('_')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unique gives controls of the same name names of their own: gain, gain_2.
func unique(controls []Control) {
	count := map[string]int{}
	for i := range controls {
		name := controls[i].Name
		if count[name]++; count[name] > 1 {
			controls[i].Name = fmt.Sprintf("%s_%d", name, count[name])
		}
	}
}

// find finds a control by its name. Drivers have put the words of some names in another order over time
// ("Exposure, Auto", "Auto Exposure"), so that does not matter.
func find(controls []Control, name string) (*Control, error) {
	wanted := controlName(name)
	for _, same := range []func(string) bool{
		func(has string) bool { return has == wanted },
		func(has string) bool { return sortedWords(has) == sortedWords(wanted) },
	} {
		if i := slices.IndexFunc(controls, func(c Control) bool { return same(c.Name) }); i >= 0 {
			return &controls[i], nil
		}
	}
	var names []string
	for _, c := range controls {
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("control %q: the camera has no controls", name)
	}
	if like := near(wanted, names); len(like) > 0 {
		return nil, fmt.Errorf("control %q: unknown; there is %s", name, strings.Join(like, ", "))
	}
	return nil, fmt.Errorf("control %q: unknown; there are %s", name, strings.Join(names, ", "))
}

func sortedWords(name string) string {
	words := strings.Split(name, "_")
	slices.Sort(words)
	return strings.Join(words, "_")
}

// Parse makes a number of what a person writes, and checks that the control can have it.
func (c *Control) Parse(text string) (value int64, err error) {
	fault := func(must string) error {
		return fmt.Errorf("control %s=%s: must be %s", c.Name, text, must)
	}
	switch {
	case c.ReadOnly:
		return 0, fmt.Errorf("control %s=%s: it can only be read", c.Name, text)
	case c.Kind == Button:
		return 1, nil
	case c.Kind == Boolean:
		i := slices.Index([]string{"0", "1", "off", "on", "false", "true", "no", "yes"}, strings.ToLower(text))
		if i < 0 {
			return 0, fault("1 or 0")
		}
		return int64(i % 2), nil
	case c.Kind == Menu:
		for _, item := range c.Menu {
			if text == strconv.FormatInt(item.Index, 10) {
				return item.Index, nil
			}
		}
		for _, item := range c.Menu {
			if name := controlName(item.Name); strings.EqualFold(text, item.Name) || name != "" && controlName(text) == name {
				return item.Index, nil
			}
		}
		return 0, fault("one of " + c.Choices())
	}
	if value, err = strconv.ParseInt(text, 0, 64); err != nil || value < c.Least || value > c.Most {
		return 0, fault(c.Range())
	}
	if c.Kind == Integer && c.Step > 1 && (value-c.Least)%c.Step != 0 {
		return 0, fault(c.Range())
	}
	return value, nil
}

// Range says in words which numbers the control can be.
func (c *Control) Range() string {
	if c.Kind == Bitmask {
		return fmt.Sprintf("0x0 to 0x%x", c.Most)
	}
	if c.Step > 1 {
		return fmt.Sprintf("%d to %d in steps of %d", c.Least, c.Most, c.Step)
	}
	return fmt.Sprintf("%d to %d", c.Least, c.Most)
}

// Choices lists the choices of a menu.
func (c *Control) Choices() string {
	var items []string
	for _, item := range c.Menu {
		items = append(items, fmt.Sprintf("%d (%s)", item.Index, item.Name))
	}
	return strings.Join(items, ", ")
}

// controlled is a camera's controls, behind a driver.
type controlled interface {
	// controls lists them, with their values.
	controls() ([]Control, error)
	// set sets one. The error is a unix.Errno's.
	set(c *Control, value int64) error
}

// apply sets controls in the order that is given: some can be set only when another has been. All
// names and values are checked first; but a menu or a range can depend on another control, so what one
// setting has changed is read before the next.
func apply(d controlled, settings []Setting) error {
	for i := range settings {
		controls, err := d.controls()
		if err != nil {
			return err
		}
		values := make([]int64, len(settings))
		for j := i; j < len(settings); j++ {
			c, err := find(controls, settings[j].Name)
			if err == nil {
				values[j], err = c.Parse(settings[j].Value)
			}
			if err != nil {
				return err
			}
		}
		c, _ := find(controls, settings[i].Name)
		if err := d.set(c, values[i]); err != nil {
			return fmt.Errorf("control %s=%s: %w", c.Name, settings[i].Value, explainSet(err))
		}
	}
	return nil
}

var (
	errHeld  = errors.New("cannot be set as another control, such as an automatic mode, is; set that first")
	errInUse = errors.New("cannot be set while the camera is in use")
	errValue = errors.New("the camera refuses this value")
)

// explainSet says what an error of setting a control means.
func explainSet(err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err
	}
	switch errno {
	case unix.EACCES, unix.EPERM:
		return errHeld
	case unix.EBUSY:
		return errInUse
	case unix.EINVAL, unix.ERANGE, unix.EILSEQ:
		return errValue
	}
	return passing{err}
}
