package v4l2

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// panel is a camera's controls.
type panel struct {
	all  []Control
	sets []string
	// fault is what setting a control gives.
	fault map[string]error
}

func (p *panel) controls() ([]Control, error) { return slices.Clone(p.all), nil }

func (p *panel) set(c *Control, value int64) error {
	if err := p.fault[c.Name]; err != nil {
		return err
	}
	p.sets = append(p.sets, c.Name)
	i := slices.IndexFunc(p.all, func(has Control) bool { return has.Name == c.Name })
	p.all[i].Value = value
	if c.Name == "exposure_auto" { // as drivers do
		p.all[i+1].Inactive = value != 1
	}
	return nil
}

func newPanel() *panel {
	return &panel{all: []Control{
		{Name: "brightness", Kind: Integer, Least: -64, Most: 64, Step: 1},
		{Name: "exposure_auto", Kind: Menu, Least: 0, Most: 3, Menu: []MenuItem{{1, "Manual Mode"}, {3, "Aperture Priority Mode"}}},
		{Name: "exposure_time_absolute", Kind: Integer, Least: 3, Most: 2047, Step: 1, Inactive: true},
		{Name: "focus", Kind: Integer, Least: 0, Most: 250, Step: 5},
		{Name: "do_white_balance", Kind: Button},
		{Name: "horizontal_flip", Kind: Boolean, Most: 1, Step: 1},
		{Name: "areas", Kind: Bitmask, Most: 0xff},
		{Name: "pixel_rate", Kind: Integer, Most: 1 << 40, ReadOnly: true, isWide: true},
		{Name: "link", Kind: Menu, Most: 1, Menu: []MenuItem{{0, "96000000"}, {1, "1"}}},
	}}
}

func TestApply(t *testing.T) {
	for text, want := range map[string]int64{
		"brightness=-64": -64, "brightness=0x10": 16, "Brightness=7": 7, "exposure_auto=1": 1, "exposure_auto=aperture priority mode": 3,
		"exposure_auto=aperture_priority_mode": 3, "auto_exposure=3": 3, "focus=245": 245, "do_white_balance=": 1,
		"horizontal_flip=on": 1, "horizontal_flip=false": 0, "horizontal_flip=1": 1, "areas=0x0f": 15, "link=96000000": 0, "link=1": 1,
	} {
		p := newPanel()
		s, err := ParseSetting(text)
		if err == nil {
			err = apply(p, []Setting{s})
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		c, err := FindControl(p.all, s.Name)
		if err != nil || c.Value != want || len(p.sets) != 1 {
			t.Errorf("%s: %+v, %v; want %d", text, c, err, want)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"brightnes=1":                     `control "brightnes": unknown; there is brightness`,
		"exposure=1":                      "there is exposure_auto, exposure_time_absolute",
		"zzz=1":                           "unknown; there are brightness, exposure_auto, ",
		"=1":                              "must be NAME=VALUE, such as brightness=10",
		"brightness":                      "must be NAME=VALUE",
		"brightness=65":                   "control brightness=65: must be -64 to 64",
		"brightness=bright":               "must be -64 to 64",
		"brightness=99999999999999999999": "must be -64 to 64",
		"focus=7":                         "must be 0 to 250 in steps of 5",
		"exposure_auto=2":                 "must be one of 1 (Manual Mode), 3 (Aperture Priority Mode)",
		"exposure_auto=":                  "must be one of 1 (Manual Mode)",
		"horizontal_flip=2":               "must be 1 or 0",
		"areas=0x100":                     "must be 0x0 to 0xff",
		"areas=-1":                        "must be 0x0 to 0xff",
		"pixel_rate=1":                    "it can only be read",
	} {
		p := newPanel()
		s, err := ParseSetting(text)
		if err == nil {
			err = apply(p, []Setting{{"brightness", "1"}, s})
		}
		if err == nil || !strings.Contains(err.Error(), want) || errors.As(err, new(passing)) {
			t.Errorf("%s: error %v, want one that says %q", text, err, want)
		}
		if len(p.sets) != 0 {
			t.Errorf("%s: %v was set before", text, p.sets)
		}
	}
	if _, err := FindControl(nil, "gain"); err == nil || !strings.Contains(err.Error(), "has no controls") {
		t.Errorf("error %v", err)
	}
}

// TestApplyInOrder sets what another control rules after that, and says why the other order fails.
func TestApplyInOrder(t *testing.T) {
	p := newPanel()
	manual, exposure := Setting{"exposure_auto", "1"}, Setting{"exposure_time_absolute", "100"}
	if err := apply(p, []Setting{manual, exposure}); err != nil || !slices.Equal(p.sets, []string{"exposure_auto", "exposure_time_absolute"}) {
		t.Errorf("%v, %v", p.sets, err)
	}
	for errno, c := range map[unix.Errno]struct {
		want    string
		passing bool
	}{
		unix.EACCES: {"another control", false}, unix.EBUSY: {"in use", false}, unix.ERANGE: {"refuses this value", false}, unix.EIO: {"input/output error", true},
	} {
		p.fault = map[string]error{"exposure_time_absolute": errno}
		err := apply(p, []Setting{exposure})
		if err == nil || !strings.Contains(err.Error(), "control exposure_time_absolute=100: ") || !strings.Contains(err.Error(), c.want) || errors.As(err, new(passing)) != c.passing {
			t.Errorf("%v: %v", errno, err)
		}
	}
}

func TestControlNames(t *testing.T) {
	for title, want := range map[string]string{
		"Exposure, Auto": "exposure_auto", "White Balance Temperature, Auto": "white_balance_temperature_auto", "Brightness": "brightness",
		"Inject V4L2_BUF_FLAG_ERROR": "inject_v4l2_buf_flag_error", "  LED1 Mode  ": "led1_mode", "Schärfe": "sch_rfe", "": "", "\x1b[2J": "2j",
	} {
		if got := controlName(title); got != want {
			t.Errorf("%q becomes %q, want %q", title, got, want)
		}
	}
	same := []Control{{Name: "gain"}, {Name: "hue"}, {Name: "gain"}, {Name: "gain"}}
	if unique(same); same[0].Name != "gain" || same[2].Name != "gain_2" || same[3].Name != "gain_3" {
		t.Errorf("%+v", same)
	}
}

func TestNear(t *testing.T) {
	names := []string{"brightness", "contrast", "white_balance_automatic", "white_balance_temperature", "exposure_time_absolute", "gain"}
	for wanted, want := range map[string][]string{
		"brigthness": {"brightness"}, "white": {"white_balance_automatic", "white_balance_temperature"}, "exposure_absolute": {"exposure_time_absolute"},
		"gian": {"gain"}, "gai": {"gain"}, "": nil, "qqqqqqqq": nil, "contrasts": {"contrast"},
	} {
		if got := near(wanted, names); !slices.Equal(got, want) {
			t.Errorf("near %q: %v, want %v", wanted, got, want)
		}
	}
}

// TestControlsAtEachOpening gives the settings to each opening of the camera, also the one after it was lost.
func TestControlsAtEachOpening(t *testing.T) {
	settings := []Setting{{"exposure_auto", "1"}, {"gain", "3"}}
	d, s := newDesk(t, Options{Controls: settings})
	for range 2 {
		d.host.Open(s)
		d.host.Turn()
		if !slices.Equal(d.wishes.Controls, settings) {
			t.Errorf("opened with %v", d.wishes.Controls)
		}
		d.host.Close()
		d.host.Turn()
	}
	s.KeepControls([]Setting{{"Exposure, Auto", "3"}, {"hue", "1"}})
	d.host.Open(s)
	d.host.Turn()
	if want := []Setting{{"gain", "3"}, {"Exposure, Auto", "3"}, {"hue", "1"}}; !slices.Equal(d.wishes.Controls, want) || settings[0].Value != "1" {
		t.Errorf("opened with %v, want %v", d.wishes.Controls, want)
	}
}

func FuzzControl(f *testing.F) {
	f.Fuzz(func(t *testing.T, name, value string) {
		p := newPanel()
		if err := apply(p, []Setting{{name, value}}); err != nil {
			if len(p.sets) != 0 {
				t.Fatalf("%v, and %v was set", err, p.sets)
			}
			return
		}
		c, err := FindControl(p.all, name)
		if err != nil || c.Kind == Integer && (c.Value < c.Least || c.Value > c.Most) || c.Kind == Boolean && c.Value > 1 || c.ReadOnly {
			t.Fatalf("%q=%q: %+v, %v", name, value, c, err)
		}
	})
}
