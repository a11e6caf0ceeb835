//go:build unix

package drain

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// acceptAll accepts the connections that wait, and does not wait for more.
func acceptAll(l *net.TCPListener) (conns []net.Conn) {
	raw, err := l.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Control(func(listener uintptr) {
		for {
			fd, _, err := syscall.Accept(int(listener))
			if errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.ECONNABORTED) {
				continue
			}
			if err != nil {
				return
			}
			syscall.CloseOnExec(fd)
			file := os.NewFile(uintptr(fd), "connection")
			if conn, err := net.FileConn(file); err == nil {
				conns = append(conns, conn)
			}
			file.Close() // conn has its own
		}
	})
	return conns
}
