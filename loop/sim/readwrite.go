package sim

import (
	"fmt"
	"hash/crc32"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// Read reads from a connection, a pipe or a ticker.
func (k *Kernel) Read(fd int, p []byte) (int, error) {
	err := k.enter(Call{Name: "Read", FD: fd})
	n := 0
	if err == nil {
		n, err = k.read(fd, p)
	}
	if k.tracer.w != nil {
		k.trace("Read", fd, fmt.Sprintf("room=%d crc=%08x", len(p), crc32.ChecksumIEEE(p[:n])), n, err)
	}
	return n, err
}

func (k *Kernel) read(fd int, p []byte) (int, error) {
	d := k.descriptor(fd)
	if d == nil {
		return 0, unix.EBADF
	}
	f, ok := d.file.(reader)
	if !ok {
		return 0, unix.ENOTCONN
	}
	if _, isTicker := f.(*ticker); len(p) > 1 && !isTicker && k.chance(k.faults.ShortReads) {
		p = p[:1+k.random.IntN(len(p)-1)]
	}
	n, err := f.read(p)
	k.touch(d)
	return n, err
}

// Writev writes the vectors in order, as much as there is room for.
func (k *Kernel) Writev(fd int, vectors []loop.Vector) (int, error) {
	err := k.enter(Call{Name: "Writev", FD: fd})
	n := 0
	if err == nil {
		n, err = k.writev(fd, vectors)
	}
	if k.tracer.w != nil {
		k.trace("Writev", fd, fmt.Sprintf("vectors=%d crc=%08x", len(vectors), checksum(vectors, n)), n, err)
	}
	return n, err
}

func (k *Kernel) writev(fd int, vectors []loop.Vector) (int, error) {
	d := k.descriptor(fd)
	if d == nil {
		return 0, unix.EBADF
	}
	f, ok := d.file.(writer)
	if !ok {
		return 0, unix.ENOTCONN
	}
	vectors = vectors[:min(len(vectors), maxMessages)]
	total := 0
	for i := range vectors {
		total += vectors[i].Len()
	}
	if total > 1 && k.chance(k.faults.PartialWrites) {
		total = 1 + k.random.IntN(total-1)
	}
	n, err := f.write(vectors, total)
	k.touch(d)
	return n, err
}

// checksum is that of the first n bytes of vectors.
func checksum(vectors []loop.Vector, n int) (sum uint32) {
	for i := range vectors {
		b := vectors[i].Bytes()
		b = b[:min(len(b), n)]
		sum = crc32.Update(sum, crc32.IEEETable, b)
		n -= len(b)
	}
	return sum
}
