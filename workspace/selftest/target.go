package selftest

// Target is what the attempts aim at: things that exist on the host and must
// be out of reach, and the limits that must hold. The enclave daemon sets it
// up around the test, so that a refusal is the sandbox's doing and not the
// absence of something to reach.
type Target struct {
	TCPPort        int      `json:"tcp_port"`        // a listener on the host's loopback
	UDPPort        int      `json:"udp_port"`        // likewise
	AbstractSocket string   `json:"abstract_socket"` // a listening abstract Unix socket of the host
	Sockets        []string `json:"sockets"`         // listening Unix sockets: the daemon's, other workspaces'
	HostFiles      []string `json:"host_files"`      // files on the host that hold something secret
	HostProcess    int      `json:"host_process"`    // a process of the host
	SharedMemory   int      `json:"shared_memory"`   // key of a System V segment of the host
	Extract        string   `json:"extract"`         // the read-only extract, as seen inside
	Home           string   `json:"home"`            // the writable home, as seen inside
	Outbox         string   `json:"outbox"`          // the outbox, as seen inside
	Scratch        string   `json:"scratch"`         // the largest memory file system, as seen inside
	MemoryBytes    int64    `json:"memory_bytes"`
	Processes      int64    `json:"processes"`
	DiskBytes      int64    `json:"disk_bytes"`
	ScratchBytes   int64    `json:"scratch_bytes"`
}
