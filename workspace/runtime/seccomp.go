package runtime

import (
	"strings"

	oci "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// allowed lists the system calls that need no look at their arguments. What is
// absent is refused; absent on purpose are mounts, namespaces, tracing, keys,
// bpf, perf, io_uring, userfaultfd, modules, kexec, file handles, accounting,
// clocks, swap, quotas, syslog, other processes' memory, and everything new.
const allowed = `
read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 close close_range lseek
open openat openat2 creat dup dup2 dup3 fcntl flock pipe pipe2 sendfile splice tee copy_file_range
stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 getdents getdents64 getcwd chdir fchdir
mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat readlink readlinkat
chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask truncate ftruncate fallocate fadvise64 readahead
utime utimes utimensat futimesat sync syncfs fsync fdatasync sync_file_range msync
getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
mmap mprotect munmap mremap madvise mincore mlock mlock2 mlockall munlock munlockall brk memfd_create membarrier
pkey_alloc pkey_free pkey_mprotect get_mempolicy
fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo
pidfd_open pidfd_send_signal set_tid_address set_robust_list get_robust_list rseq futex futex_waitv arch_prctl prctl
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack signalfd signalfd4 restart_syscall pause alarm
getpid getppid gettid getpgid getpgrp setpgid getsid setsid
getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capget capset
getrlimit setrlimit prlimit64 getrusage times sysinfo uname getcpu getpriority setpriority
sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler sched_setscheduler
sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_getattr sched_setattr ioprio_get ioprio_set
clock_gettime clock_getres clock_nanosleep gettimeofday time nanosleep getitimer setitimer
timer_create timer_settime timer_gettime timer_getoverrun timer_delete timerfd_create timerfd_settime timerfd_gettime
poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2
io_setup io_submit io_getevents io_pgetevents io_cancel io_destroy
bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt shutdown sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg
shmget shmat shmdt shmctl semget semop semctl semtimedop getrandom landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp
`

const (
	newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	tiocsti = 0x5412 // fake a key press on a terminal
)

// seccomp is the allow-list profile of every sandbox, for one architecture
// (Go's name for it); calls of a foreign architecture kill the caller.
func seccomp(arch string) *oci.LinuxSeccomp {
	eperm, enosys, noFamily, noNetlink := uint(unix.EPERM), uint(unix.ENOSYS), uint(unix.EAFNOSUPPORT), uint(unix.EOPNOTSUPP)
	when := func(index uint, op oci.LinuxSeccompOperator, value, mask uint64) []oci.LinuxSeccompArg {
		return []oci.LinuxSeccompArg{{Index: index, Op: op, Value: value, ValueTwo: mask}}
	}
	allow := func(args []oci.LinuxSeccompArg, names ...string) oci.LinuxSyscall {
		return oci.LinuxSyscall{Names: names, Action: oci.ActAllow, Args: args}
	}
	calls := []oci.LinuxSyscall{
		allow(nil, strings.Fields(allowed)...),
		// Threads and processes, never a new namespace. The C library falls back
		// from clone3, whose flags a filter cannot see.
		allow(when(0, oci.OpMaskedEqual, newNamespaces, 0), "clone"),
		{Names: []string{"clone3"}, Action: oci.ActErrno, ErrnoRet: &enosys},
		// Unix sockets only; any other family does not exist here.
		allow(when(0, oci.OpEqualTo, unix.AF_UNIX, 0), "socket", "socketpair"),
		{Names: []string{"socket", "socketpair"}, Action: oci.ActErrno, ErrnoRet: &noFamily, Args: when(0, oci.OpGreaterThan, unix.AF_NETLINK, 0)},
		// ZeroMQ, which notebooks are built on, aborts on any other answer here.
		{Names: []string{"socket", "socketpair"}, Action: oci.ActErrno, ErrnoRet: &noNetlink, Args: when(0, oci.OpEqualTo, unix.AF_NETLINK, 0)},
		allow(when(1, oci.OpNotEqual, tiocsti, 0), "ioctl"),
		// Pipes with a name, never a device.
		allow(when(1, oci.OpMaskedEqual, unix.S_IFMT, unix.S_IFIFO), "mknod"),
		allow(when(2, oci.OpMaskedEqual, unix.S_IFMT, unix.S_IFIFO), "mknodat"),
	}
	for family := uint64(unix.AF_INET); family < unix.AF_NETLINK; family++ {
		calls = append(calls, oci.LinuxSyscall{Names: []string{"socket", "socketpair"}, Action: oci.ActErrno, ErrnoRet: &noFamily, Args: when(0, oci.OpEqualTo, family, 0)})
	}
	for _, persona := range []uint64{0, 0x0008, 0x20000, 0x20008, 0xffffffff} {
		calls = append(calls, allow(when(0, oci.OpEqualTo, persona, 0), "personality"))
	}
	archs := map[string]oci.Arch{"amd64": oci.ArchX86_64, "arm64": oci.ArchAARCH64}
	return &oci.LinuxSeccomp{
		DefaultAction:   oci.ActErrno,
		DefaultErrnoRet: &eperm,
		Architectures:   []oci.Arch{archs[arch]},
		Syscalls:        calls,
	}
}
