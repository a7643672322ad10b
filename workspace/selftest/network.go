package selftest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

func network() []attempt {
	return []attempt{
		{"tcp-out", "open a TCP connection to the internet", false, func(Target) error { return dial("tcp", "1.1.1.1:443") }},
		{"tcp6-out", "open a TCP connection over IPv6", false, func(Target) error { return dial("tcp", "[2606:4700:4700::1111]:443") }},
		{"tcp-host-loopback", "reach a listener on the host's loopback", true, func(t Target) error {
			return dial("tcp", fmt.Sprintf("127.0.0.1:%d", t.TCPPort))
		}},
		{"tcp-metadata", "reach the cloud's metadata address", false, func(Target) error { return dial("tcp", "169.254.169.254:80") }},
		{"tcp-listen", "listen on a TCP port", true, func(Target) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil {
				l.Close()
			}
			return err
		}},
		{"udp-out", "send a datagram to the internet", false, func(Target) error { return send("udp", "8.8.8.8:53") }},
		{"udp-host-loopback", "send a datagram to the host's loopback", true, func(t Target) error {
			return send("udp", fmt.Sprintf("127.0.0.1:%d", t.UDPPort))
		}},
		{"dns", "resolve a name", false, func(Target) error {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			_, err := net.DefaultResolver.LookupHost(ctx, "example.com")
			return err
		}},
		{"icmp-raw", "open a raw ICMP socket", true, socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
		{"icmp-datagram", "open a ping socket", false, socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)},
		{"packet-socket", "open a packet socket", true, socket(unix.AF_PACKET, unix.SOCK_RAW, 0x0300)},
		{"netlink-route", "talk to the kernel's routing tables", true, socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)},
		{"netlink-audit", "talk to the kernel's audit system", true, socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT)},
		{"vsock", "open a socket to the hypervisor", false, socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0)},
		{"alg-socket", "open the kernel's crypto socket", false, socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0)},
		{"abstract-socket", "reach an abstract Unix socket of the host", true, func(t Target) error { return dial("unix", "@"+t.AbstractSocket) }},
		{"other-sockets", "reach the daemon's or another project's sockets", true, func(t Target) error {
			return each(t.Sockets, func(path string) error { return dial("unix", path) })
		}},
	}
}

func dial(kind, address string) error {
	c, err := net.DialTimeout(kind, address, 2*time.Second)
	if err == nil {
		c.Close()
	}
	return err
}

func send(kind, address string) error {
	c, err := net.DialTimeout(kind, address, 2*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("leak"))
	return err
}

func socket(family, kind, proto int) func(Target) error {
	return func(Target) error {
		fd, err := unix.Socket(family, kind, proto)
		if err != nil {
			return err
		}
		return errors.Join(unix.Close(fd))
	}
}
