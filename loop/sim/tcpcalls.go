package sim

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// ListenTCP opens a listening socket bound to local.
func (k *Kernel) ListenTCP(local netip.AddrPort) (int, error) {
	fd := -1
	err := k.enter(Call{Name: "ListenTCP", FD: -1, Peer: local})
	if err == nil {
		fd, err = k.listenTCP(bindable(local))
	}
	if k.tracer.w != nil {
		k.trace("ListenTCP", -1, local.String(), fd, err)
	}
	return fd, err
}

func (k *Kernel) listenTCP(local netip.AddrPort) (int, error) {
	err := k.checkBind(local)
	if err == nil && local.Addr().IsMulticast() {
		err = unix.EADDRNOTAVAIL
	}
	if err != nil {
		return -1, os.NewSyscallError("bind", err)
	}
	l := &tcpListener{k: k}
	d, err := k.open(l)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	l.descriptor = d
	if err := k.bindTCP(l, local); err != nil {
		return -1, errors.Join(os.NewSyscallError("bind", err), k.closeFD(d.fd))
	}
	return d.fd, nil
}

func (k *Kernel) bindTCP(l *tcpListener, local netip.AddrPort) (err error) {
	n := &k.network
	if local.Port() == 0 {
		if local, err = k.freeTCPPort(local); err != nil {
			return err
		}
	}
	if conflicts(n.listeners, local, func(o *tcpListener) bool { return (o.peer == nil) == (l.peer == nil) || o.local == local }) {
		return unix.EADDRINUSE
	}
	l.local = local
	n.listeners[local] = l
	return nil
}

func (k *Kernel) freeTCPPort(local netip.AddrPort) (netip.AddrPort, error) {
	n := &k.network
	return n.freePort(local, func(ap netip.AddrPort) bool {
		return conflicts(n.listeners, ap, func(*tcpListener) bool { return true }) ||
			conflicts(n.streams, ap, func(int) bool { return true })
	})
}

// Accept takes the next connection of a listening fd.
func (k *Kernel) Accept(fd int) (conn int, peer netip.AddrPort, err error) {
	conn = -1
	if err = k.enter(Call{Name: "Accept", FD: fd}); err == nil {
		conn, peer, err = k.accept(fd)
	}
	if k.tracer.w != nil {
		k.trace("Accept", fd, peer.String(), conn, err)
	}
	return conn, peer, err
}

func (k *Kernel) accept(fd int) (int, netip.AddrPort, error) {
	l, err := fileOf[*tcpListener](k, fd)
	switch {
	case errors.Is(err, unix.ENOTSOCK) && k.isSocket(fd):
		return -1, netip.AddrPort{}, unix.EINVAL
	case err != nil:
		return -1, netip.AddrPort{}, err
	case l.backlog.len() == 0:
		return -1, netip.AddrPort{}, unix.EAGAIN
	}
	c := l.backlog.waiting()[0]
	d, err := k.open(c)
	if err != nil { // the connection goes on waiting
		return -1, netip.AddrPort{}, err
	}
	l.backlog.drop(1)
	c.descriptor = d
	return d.fd, c.away, nil
}

func (k *Kernel) isSocket(fd int) bool {
	d := k.descriptor(fd)
	if d == nil {
		return false
	}
	switch d.file.(type) {
	case *udpSocket, *tcpConn, *tcpListener:
		return true
	}
	return false
}

// ConnectTCP begins to connect.
func (k *Kernel) ConnectTCP(peer netip.AddrPort) (int, error) {
	fd := -1
	peer = canonical(peer)
	err := k.enter(Call{Name: "ConnectTCP", FD: -1, Peer: peer})
	if err == nil {
		fd, err = k.connectTCP(peer)
	}
	if err != nil {
		err = fmt.Errorf("%v: %w", peer, os.NewSyscallError("connect", err))
	}
	if k.tracer.w != nil {
		k.trace("ConnectTCP", -1, peer.String(), fd, err)
	}
	return fd, err
}

func (k *Kernel) connectTCP(peer netip.AddrPort) (int, error) {
	from := k.sourceFor(peer.Addr())
	if !from.IsValid() {
		return -1, unix.ENETUNREACH
	}
	c, err := k.newConn(netip.AddrPortFrom(from, 0), peer)
	if err != nil {
		return -1, err
	}
	d, err := k.open(c)
	if err != nil {
		c.forget()
		return -1, err
	}
	c.descriptor = d
	k.dial(c)
	return d.fd, nil
}

// newConn makes a connection's near end.
func (k *Kernel) newConn(local, away netip.AddrPort) (c *tcpConn, err error) {
	if local.Port() == 0 {
		if local, err = k.freeTCPPort(local); err != nil {
			return nil, unix.EADDRNOTAVAIL
		}
	}
	k.network.streams[local]++
	return &tcpConn{k: k, local: local, away: away, sendLimit: defaultBufferBytes, receiveLimit: defaultBufferBytes}, nil
}

// dial sends the SYN.
func (k *Kernel) dial(c *tcpConn) {
	if !c.down() {
		c.toOther(synArrives, 0)
	}
}

// synArrived has whoever listens take the connection, or refuses it.
func (k *Kernel) synArrived(c *tcpConn) {
	if c.state != connecting {
		return
	}
	n := &k.network
	l := n.listeners[c.away]
	if l == nil && k.isLocal(c.away.Addr()) {
		l = n.listeners[wildcard(c.away)]
	}
	back := k.lineTo(c.local.Addr())
	if l == nil {
		if back == nil {
			c.fail(unix.ECONNREFUSED)
			return
		}
		e := k.arrivals.get()
		e.from, e.kind = c, refusalArrives
		k.schedule(k.now+k.travel(back), e)
		return
	}
	if l.backlog.len() >= backlogLimit {
		e := k.arrivals.get()
		e.from, e.kind = c, synArrives
		k.schedule(k.now+synRetry, e)
		return
	}
	server := &tcpConn{k: k, local: c.away, away: c.local, other: c, state: established,
		sendLimit: defaultBufferBytes, receiveLimit: defaultBufferBytes, way: back}
	n.streams[server.local]++
	c.other = server
	server.toOther(connectedArrives, 0)
	l.backlog.push(server)
	if l.peer != nil {
		l.peer.changed()
	} else {
		k.touch(l.descriptor)
	}
}

// SocketError returns and clears a socket's pending error.
func (k *Kernel) SocketError(fd int) error {
	err := k.enter(Call{Name: "SocketError", FD: fd})
	if err == nil {
		err = k.socketError(fd)
	}
	k.trace("SocketError", fd, "", 0, err)
	return err
}

func (k *Kernel) socketError(fd int) error {
	if s, err := fileOf[interface{ takeError() error }](k, fd); err == nil {
		return s.takeError()
	} else if !k.isSocket(fd) {
		return os.NewSyscallError("getsockopt", err)
	}
	return nil // a listener has none
}

// LocalAddr is the address fd is bound to.
func (k *Kernel) LocalAddr(fd int) (local netip.AddrPort, err error) {
	if err = k.enter(Call{Name: "LocalAddr", FD: fd}); err == nil {
		local, err = k.localAddr(fd)
	}
	if k.tracer.w != nil {
		k.trace("LocalAddr", fd, local.String(), 0, err)
	}
	return local, err
}

func (k *Kernel) localAddr(fd int) (netip.AddrPort, error) {
	d := k.descriptor(fd)
	if d == nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", unix.EBADF)
	}
	switch f := d.file.(type) {
	case *udpSocket:
		return f.local, nil
	case *tcpConn:
		return f.local, nil
	case *tcpListener:
		return f.local, nil
	}
	return netip.AddrPort{}, os.NewSyscallError("getsockname", unix.ENOTSOCK)
}
