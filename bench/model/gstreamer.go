package model

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// gstreamer is a pipeline in a child process, which is handed pictures on its standard
// input, packetises them itself and has a multiudpsink send them. The sink sends each
// packet of a frame to all readers with sendmmsg; the readers are its command line.
type gstreamer struct {
	child  *exec.Cmd
	stdin  io.WriteCloser
	stderr strings.Builder
}

// clientsPerSink keeps a sink's list of readers below what one argument may have, which
// is 128 KiB.
const clientsPerSink = 5000

func init() {
	Register(Entry{Name: "gstreamer", Transport: UDP, New: func() Model { return &gstreamer{} }, Missing: func() string {
		if exec.Command("gst-inspect-1.0", "--exists", "rtpjpegpay").Run() != nil ||
			exec.Command("gst-inspect-1.0", "--exists", "jpegparse").Run() != nil {
			return "Debian's packages gstreamer1.0-tools, gstreamer1.0-plugins-good and gstreamer1.0-plugins-bad"
		}
		return ""
	}})
}

func (m *gstreamer) Start(b *Broadcast) (err error) {
	pipeline := fmt.Sprintf("fdsrc fd=0 blocksize=65536 do-timestamp=true ! jpegparse ! rtpjpegpay mtu=%d ! tee name=t", PacketBytes)
	for first := 0; first < len(b.Readers); first += clientsPerSink {
		var clients []string
		for _, reader := range b.Readers[first:min(first+clientsPerSink, len(b.Readers))] {
			clients = append(clients, reader.String())
		}
		pipeline += fmt.Sprintf(" t. ! multiudpsink sync=false async=false buffer-size=%d clients=%s", 8<<20, strings.Join(clients, ","))
	}
	m.child = exec.Command("gst-launch-1.0", append([]string{"-q"}, strings.Fields(pipeline)...)...)
	m.child.Env = append(os.Environ(), "GST_REGISTRY_FORK=no")
	m.child.Stderr = &m.stderr
	if m.stdin, err = m.child.StdinPipe(); err != nil {
		return err
	}
	return m.child.Start()
}

func (m *gstreamer) Send(f *Frame) error {
	_, err := m.stdin.Write(f.Picture)
	return err
}

func (m *gstreamer) Figures() Figures { return Figures{} }

func (m *gstreamer) Close() error {
	err := errors.Join(m.stdin.Close(), m.child.Wait())
	if err != nil {
		return fmt.Errorf("gst-launch-1.0: %w: %s", err, m.stderr.String())
	}
	return nil
}
