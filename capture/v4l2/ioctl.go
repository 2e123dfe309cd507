package v4l2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file makes those ioctls itself that go4vl does wrong. It does not tell which controls can only be
// read or are inactive, cuts their ranges to 32 bits, ends their list at any error, and sets extended ones
// to the size field of the wrong structure; and it reads ranges of frame intervals at a wrong offset.
// Structures and numbers are those of videodev2.h, the same on all Linux machines but for the pointer.

// ioctl makes a call with a structure, whose size is a part of its number, as of all of V4L2's that
// are read and written (_IOWR).
func ioctl[T any](fd int, name string, number uintptr, argument *T) error {
	request := 3<<30 | unsafe.Sizeof(*argument)<<16 | 'V'<<8 | number
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(argument)))
		switch errno {
		case 0:
			return nil
		case unix.EINTR: // signals, which the runtime sends to itself
			continue
		}
		return os.NewSyscallError(name, errno)
	}
}

// queryExtControl is struct v4l2_query_ext_ctrl.
type queryExtControl struct {
	id, kind    uint32
	name        [32]byte
	least, most int64
	step        uint64
	preset      int64
	flags       uint32
	_           [3]uint32 // the size and number of an array's elements
	_           [4]uint32
	_           [32]uint32
}

// Flags and kinds of controls: V4L2_CTRL_FLAG_* and V4L2_CTRL_TYPE_*.
const (
	flagDisabled, flagReadOnly, flagInactive, flagWriteOnly = 0x1, 0x4, 0x10, 0x40
	flagNext                                                = 0x80000000 // in a query's id: the next one after it

	kindInteger, kindBoolean, kindMenu, kindButton, kindInteger64, kindBitmask, kindIntegerMenu = 1, 2, 3, 4, 5, 8, 9
)

var controlKinds = map[uint32]ControlKind{
	kindInteger: Integer, kindBoolean: Boolean, kindMenu: Menu, kindButton: Button, kindInteger64: Integer, kindBitmask: Bitmask, kindIntegerMenu: Menu,
}

// queryMenu is struct v4l2_querymenu, which is packed.
type queryMenu struct {
	id, index uint32
	name      [32]byte // or a number of 64 bits
	_         uint32
}

// extControl is struct v4l2_ext_control, which is packed.
type extControl struct {
	id    uint32
	_     [2]uint32 // the size of an array; reserved
	value [8]byte
}

// extControls is struct v4l2_ext_controls.
type extControls struct {
	_        uint32 // which values: 0, the present ones
	count    uint32
	_        [3]uint32 // the number of a bad one; a request; reserved
	controls *extControl
}

const (
	getExtControls, setExtControls, queryExtControlNumber, queryMenuNumber = 71, 72, 103, 37
)

// controlDevice is the controls of an open device.
type controlDevice int

// maxControls bounds the lists of a driver that does not end them.
const maxControls = 1024

func (fd controlDevice) controls() ([]Control, error) {
	var all []Control
	for id, n := uint32(0), 0; n < maxControls; n++ {
		q := queryExtControl{id: id | flagNext}
		switch err := ioctl(int(fd), "VIDIOC_QUERY_EXT_CTRL", queryExtControlNumber, &q); {
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOTTY), err == nil && q.id <= id: // the end, or no controls at all
			unique(all)
			return all, nil
		case err != nil:
			return nil, err
		}
		id = q.id
		kind, known := controlKinds[q.kind]
		if !known || q.flags&flagDisabled != 0 {
			continue
		}
		c := Control{
			Title: text(q.name[:]), Kind: kind, Least: q.least, Most: q.most, Step: int64(q.step), Default: q.preset, id: q.id,
			isWide: q.kind == kindInteger64, ReadOnly: q.flags&flagReadOnly != 0, Inactive: q.flags&flagInactive != 0,
		}
		c.Name = controlName(c.Title)
		if kind == Menu {
			c.Menu = fd.menu(q)
		}
		if kind != Button && q.flags&flagWriteOnly == 0 {
			if err := fd.get(&c); err != nil && errors.Is(err, unix.ENODEV) {
				return nil, err // of others the value is not known
			}
		}
		all = append(all, c)
	}
	unique(all)
	return all, nil
}

// menu lists the choices of a menu. Drivers leave numbers out.
func (fd controlDevice) menu(q queryExtControl) (items []MenuItem) {
	for index := q.least; index <= q.most && index >= 0 && index < q.least+maxControls; index++ {
		m := queryMenu{id: q.id, index: uint32(index)}
		if ioctl(int(fd), "VIDIOC_QUERYMENU", queryMenuNumber, &m) != nil {
			continue
		}
		name := text(m.name[:])
		if q.kind == kindIntegerMenu {
			name = strconv.FormatInt(int64(binary.NativeEndian.Uint64(m.name[:])), 10)
		}
		items = append(items, MenuItem{Index: index, Name: name})
	}
	return items
}

// get reads the value of a control.
func (fd controlDevice) get(c *Control) error {
	one := extControl{id: c.id}
	if err := fd.call("VIDIOC_G_EXT_CTRLS", getExtControls, &one); err != nil {
		return err
	}
	if c.isWide {
		c.Value = int64(binary.NativeEndian.Uint64(one.value[:]))
	} else if c.Value = int64(int32(binary.NativeEndian.Uint32(one.value[:]))); c.Kind == Bitmask {
		c.Value = int64(uint32(c.Value))
	}
	return nil
}

func (fd controlDevice) set(c *Control, value int64) error {
	one := extControl{id: c.id}
	if c.isWide {
		binary.NativeEndian.PutUint64(one.value[:], uint64(value))
	} else {
		binary.NativeEndian.PutUint32(one.value[:], uint32(value))
	}
	return fd.call("VIDIOC_S_EXT_CTRLS", setExtControls, &one)
}

// call gets or sets one control.
func (fd controlDevice) call(name string, number uintptr, one *extControl) error {
	var pinner runtime.Pinner // the kernel follows the pointer in the structure
	defer pinner.Unpin()
	pinner.Pin(one)
	return ioctl(int(fd), name, number, &extControls{count: 1, controls: one})
}

// text is a driver's text, which ends with a 0.
func text(b []byte) string {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return string(b)
}
