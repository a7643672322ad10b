// Package walls takes powers away from the process that calls it, for good:
// no new privileges, Landlock to a few folders, a seccomp filter, resource
// limits. A program that reads hostile bytes calls Raise first of all.
//
// It may touch the calling process only. It must never report a wall that does
// not stand: Raise fails unless every wall that was asked for is up, save under
// BestEffort, where the report says which ones are missing.
package walls

// Plan says which powers stay.
type Plan struct {
	ReadWrite  []string // folders that may be read and written
	ReadOnly   []string // files and folders that may be read
	Accept     bool     // may accept connections on a listener it already holds
	Data       uint64   // bytes of private memory, 0 for no limit of ours
	FileSize   uint64   // bytes of the largest file it may write, 0 for no limit of ours
	BestEffort bool     // go on where the kernel has no Landlock
	Strict     bool     // only the system calls that a Go program needs to read and write open files
}

// Report says which walls stand. The zero Report is none.
type Report struct {
	NoNewPrivs bool `json:"no_new_privs"`
	Landlock   int  `json:"landlock"` // ABI version in force, 0 for none
	Seccomp    bool `json:"seccomp"`
	NoNetwork  bool `json:"no_network"` // no interface but loopback is in sight
}

// forbidden are the system calls that no engine needs: to reach a network or
// another process, to change what is mounted or who it is, to load code into
// the kernel, or to run a program.
var forbidden = []string{
	"socket", "socketpair", "connect", "bind", "listen", "sendmmsg", "recvmmsg",
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal",
	"mount", "umount2", "pivot_root", "chroot", "setns", "unshare", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
	"bpf", "perf_event_open", "keyctl", "add_key", "request_key", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
	"init_module", "finit_module", "delete_module", "kexec_load", "reboot", "swapon", "swapoff", "sethostname", "setdomainname", "acct", "quotactl", "syslog",
	"open_by_handle_at", "name_to_handle_at", "mknodat", "personality", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset",
	"shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "semget", "mq_open", "vhangup", "fanotify_init", "landlock_create_ruleset",
}

// strict are the system calls that stay under Plan.Strict: memory, threads,
// time, and reading and writing what is open already.
var strict = []string{
	"read", "write", "readv", "writev", "pread64", "close", "fstat", "lseek", "fcntl", "ppoll",
	"mmap", "munmap", "mprotect", "madvise", "mremap", "mincore", "brk",
	"futex", "sched_yield", "sched_getaffinity", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "tgkill", "getpid", "gettid", "getrandom", "prlimit64",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "eventfd2", "pipe2", "timer_create", "timer_settime", "timer_delete", "setitimer",
	"set_robust_list", "rseq", "restart_syscall", "exit", "exit_group", "prctl", "membarrier",
}

// accepting are forbidden as well unless Plan.Accept.
var accepting = []string{"accept", "accept4"}
