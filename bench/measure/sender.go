package measure

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"

	"github.com/camcast/camcast/bench/model"
)

// senderConfig is what a sender's process is told.
type senderConfig struct {
	Model           string
	Readers         []netip.AddrPort
	Host            netip.Addr
	FrameBytes      int
	FramesPerSecond int
	H264            bool
	H264Size        model.H264Size
}

// senderAnswer is what it says when it has started, when it is asked to count, and at its end.
type senderAnswer struct {
	Error   string
	Figures model.Figures
}

// What a sender is told, and says, for each frame is a byte: JSON would be on the
// model's bill.
const (
	ready = '.' // said before anything is told
	begin = 's'
	frame = 'f'
	sent  = '+'
	count = 'c' // answered with a senderAnswer
)

// send is the sender's process. Until it is told to begin it has done nothing that the model
// would pay for; that it has come so far it says first.
func send(c senderConfig, in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	framer, err := newFramer(c)
	if err != nil {
		return err
	}
	if _, err := out.Write([]byte{ready}); err != nil {
		return err
	}
	var command [1]byte
	if _, err := io.ReadFull(in, command[:]); err != nil {
		return err
	}
	s, err := startSender(c, framer)
	if err != nil {
		return answers.Encode(senderAnswer{Error: err.Error()})
	}
	if err := answers.Encode(senderAnswer{}); err != nil {
		return err
	}
	reply := [1]byte{sent}
	for {
		if _, err := io.ReadFull(in, command[:]); err != nil {
			break
		}
		if command[0] == count {
			if err := answers.Encode(senderAnswer{Figures: s.model.Figures()}); err != nil {
				return err
			}
			continue
		}
		if err := s.sendNext(); err != nil {
			return fmt.Errorf("model %s: %w", c.Model, err)
		}
		if _, err := out.Write(reply[:]); err != nil {
			return err
		}
	}
	var answer senderAnswer
	if err := s.model.Close(); err != nil {
		answer.Error = err.Error()
	}
	return answers.Encode(answer)
}

// framer makes frames.
type framer interface{ Next() (*model.Frame, error) }

func newFramer(c senderConfig) (framer, error) {
	if c.H264 {
		return model.NewH264Framer(c.H264Size)
	}
	return model.NewFramer(c.FrameBytes)
}

type sender struct {
	model  model.Model
	framer framer
}

func startSender(c senderConfig, framer framer) (*sender, error) {
	entry, ok := model.Find(c.Model)
	if !ok {
		return nil, fmt.Errorf("there is no model %q", c.Model)
	}
	s := &sender{entry.New(), framer}
	return s, s.model.Start(&model.Broadcast{Readers: c.Readers, Host: c.Host, FramesPerSecond: c.FramesPerSecond, H264: c.H264, H264Size: c.H264Size})
}

func (s *sender) sendNext() error {
	f, err := s.framer.Next()
	if err != nil {
		return err
	}
	return s.model.Send(f)
}
