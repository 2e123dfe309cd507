package audience

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/camcast/camcast/bench/model"
	"golang.org/x/sync/errgroup"
)

func (a *readers) openTCP(c Config) error {
	address := fmt.Sprintf("%v:%d", c.Host, model.TCPPort)
	conns := make([]net.Conn, c.Count)
	var group errgroup.Group
	group.SetLimit(handshakes)
	for i := range conns {
		group.Go(func() (err error) {
			conns[i], err = net.Dial("tcp", address)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, conn := range conns {
		a.kept = append(a.kept, conn)
		go readTCP(conn, a.tallyOf(c, i), c.Transport == model.TCP)
	}
	return nil
}

// readTCP reads frames and, if it is to, answers each with a byte.
func readTCP(conn net.Conn, t *tally, answers bool) {
	var length [4]byte
	var picture []byte
	for {
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return // closed
		}
		n := int64(binary.BigEndian.Uint32(length[:]))
		var err error
		if t == nil {
			_, err = io.CopyN(io.Discard, conn, n)
		} else {
			picture = append(picture[:0], make([]byte, n)...)
			_, err = io.ReadFull(conn, picture)
		}
		if err != nil {
			return
		}
		if t != nil {
			t.picture(picture)
		}
		if !answers {
			continue
		}
		if _, err := conn.Write(length[:1]); err != nil {
			return
		}
	}
}
