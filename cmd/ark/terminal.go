package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// hideTyping stops a terminal from showing what is typed and returns what
// undoes that.
func hideTyping(tty *os.File) (show func(), err error) {
	fd := int(tty.Fd())
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	quiet := *was
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, was) }, nil
}

// readLine reads up to the end of the line and not one byte further, so that
// the next question gets what was typed ahead.
func readLine(r io.Reader) (string, error) {
	var line strings.Builder
	b := make([]byte, 1)
	for line.Len() < 4096 {
		n, err := r.Read(b)
		if n == 1 && b[0] == '\n' {
			break
		}
		line.Write(b[:n])
		if err != nil {
			return "", err
		}
	}
	return strings.TrimRight(line.String(), "\r"), nil
}
