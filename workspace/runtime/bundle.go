package runtime

import (
	"fmt"

	oci "github.com/opencontainers/runtime-spec/specs-go"
)

// config is the OCI runtime configuration of s: all namespaces its own, no
// capability in any set, no new privileges, seccomp, read-only root, limits.
func config(s Spec, arch string) *oci.Spec {
	cwd := s.Cwd
	if cwd == "" {
		cwd = "/"
	}
	ids := []oci.LinuxIDMapping{{ContainerID: 0, HostID: s.IDBase, Size: IDRange}}
	period, quota := uint64(100_000), s.Limits.CPUMillis*100
	memory, processes := s.Limits.MemoryBytes, s.Limits.Processes
	oomScore := 300
	return &oci.Spec{
		Version:  "1.0.2",
		Hostname: "workspace",
		Root:     &oci.Root{Path: s.RootFS, Readonly: true},
		Process: &oci.Process{
			User:            oci.User{UID: s.User, GID: s.User},
			Args:            s.Args,
			Env:             s.Env,
			Cwd:             cwd,
			Capabilities:    &oci.LinuxCapabilities{Bounding: []string{}, Effective: []string{}, Permitted: []string{}},
			NoNewPrivileges: true,
			OOMScoreAdj:     &oomScore,
			Rlimits: []oci.POSIXRlimit{
				{Type: "RLIMIT_CORE", Hard: 0, Soft: 0},
				{Type: "RLIMIT_NOFILE", Hard: 4096, Soft: 4096},
			},
		},
		Mounts: mounts(s),
		Linux: &oci.Linux{
			UIDMappings: ids,
			GIDMappings: ids,
			CgroupsPath: CgroupParent + "/" + s.ID,
			Namespaces: []oci.LinuxNamespace{
				{Type: oci.UserNamespace}, {Type: oci.MountNamespace}, {Type: oci.NetworkNamespace},
				{Type: oci.PIDNamespace}, {Type: oci.IPCNamespace}, {Type: oci.UTSNamespace}, {Type: oci.CgroupNamespace},
			},
			Resources: &oci.LinuxResources{
				Devices: []oci.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
				Memory:  &oci.LinuxMemory{Limit: &memory, Swap: &memory},
				CPU:     &oci.LinuxCPU{Period: &period, Quota: &quota},
				Pids:    &oci.LinuxPids{Limit: &processes},
			},
			Seccomp: seccomp(arch),
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/kmsg", "/proc/kallsyms",
				"/proc/latency_stats", "/proc/modules", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
				"/proc/interrupts", "/proc/diskstats", "/proc/partitions", "/proc/cmdline", "/proc/swaps", "/proc/iomem", "/proc/ioports",
			},
			ReadonlyPaths: []string{
				"/proc/bus", "/proc/driver", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/proc/pressure",
			},
		},
	}
}

// CgroupParent is the control group under which all sandboxes lie.
const CgroupParent = "/ark-enclave"

// mounts lists the kernel's file systems, then scratch, then the binds. There
// is no sysfs and no cgroupfs: nothing inside needs them.
func mounts(s Spec) []oci.Mount {
	ms := []oci.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "strictatime", "mode=755", "size=64k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
	}
	for _, t := range s.Scratch {
		options := []string{"nosuid", "nodev", "mode=1777", fmt.Sprintf("size=%d", t.Bytes)}
		if !t.Executable {
			options = append(options, "noexec")
		}
		ms = append(ms, oci.Mount{Destination: t.Target, Type: "tmpfs", Source: "tmpfs", Options: options})
	}
	for _, m := range s.Mounts {
		options := []string{"bind", "private", "nosuid", "nodev"}
		if !m.Writable {
			options = append(options, "ro")
		}
		if !m.Executable {
			options = append(options, "noexec")
		}
		ms = append(ms, oci.Mount{Destination: m.Target, Type: "bind", Source: m.Source, Options: options})
	}
	return ms
}
