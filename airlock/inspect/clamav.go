package inspect

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"time"
)

// scanFor asks clamd about a file by INSTREAM and returns the rule it breaks:
// file-malware for a known one, file-scanner-absent when the scanner does not
// answer or says anything but OK; empty for a clean file.
func scanFor(ctx context.Context, address string, data []byte) string {
	const absent = "file-scanner-absent"
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return absent
	}
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(60*time.Second)) != nil {
		return absent
	}
	msg := make([]byte, 0, len(data)+64)
	msg = append(msg, "zINSTREAM\x00"...)
	for len(data) > 0 {
		n := min(len(data), 1<<20)
		msg = binary.BigEndian.AppendUint32(msg, uint32(n))
		msg = append(msg, data[:n]...)
		data = data[n:]
	}
	msg = append(msg, 0, 0, 0, 0)
	if _, err := conn.Write(msg); err != nil {
		return absent
	}
	answer, err := io.ReadAll(io.LimitReader(conn, 4096))
	if err != nil {
		return absent
	}
	switch s := strings.Trim(string(answer), "\x00\r\n "); {
	case s == "stream: OK":
		return ""
	case strings.HasPrefix(s, "stream: ") && strings.HasSuffix(s, " FOUND"):
		return "file-malware"
	}
	return absent
}
