package walls

import (
	"errors"
	"fmt"
	"net"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// leastLandlock is the first ABI that also guards truncation.
const leastLandlock = 3

// Raise puts every wall up, for all threads of the process. After an error
// some may stand and some not: the caller must exit.
func Raise(p Plan) (Report, error) {
	var r Report
	if err := limit(p); err != nil {
		return r, err
	}
	r.NoNetwork = lonely()
	if err := r.confine(p); err != nil {
		return r, err
	}
	if err := filter(p); err != nil {
		return r, err
	}
	r.Seccomp = true
	nnp, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if r.NoNewPrivs = err == nil && nnp == 1; !r.NoNewPrivs {
		return r, errors.New("walls: no_new_privs is not set")
	}
	return r, nil
}

func limit(p Plan) error {
	set := func(what int, n uint64) error {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("walls: limit: %w", err)
		}
		return nil
	}
	err := errors.Join(set(unix.RLIMIT_CORE, 0), set(unix.RLIMIT_NOFILE, 512))
	if p.Data > 0 {
		err = errors.Join(err, set(unix.RLIMIT_DATA, p.Data))
	}
	if p.FileSize > 0 {
		err = errors.Join(err, set(unix.RLIMIT_FSIZE, p.FileSize))
	}
	if unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) != nil {
		err = errors.Join(err, errors.New("walls: still dumpable"))
	}
	return err
}

func (r *Report) confine(p Plan) error {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi < leastLandlock {
		if p.BestEffort {
			return nil
		}
		return fmt.Errorf("walls: the kernel offers Landlock ABI %d and %d is needed", max(abi, 0), leastLandlock)
	}
	cfg := landlock.V6
	if abi < 6 {
		cfg = map[int]landlock.Config{3: landlock.V3, 4: landlock.V4, 5: landlock.V5}[abi]
	}
	if err := cfg.Restrict(landlock.RWDirs(p.ReadWrite...), readOnly(p.ReadOnly)); err != nil {
		return fmt.Errorf("walls: landlock: %w", err)
	}
	r.Landlock = min(abi, 6)
	return nil
}

func readOnly(paths []string) landlock.Rule {
	var files, dirs []string
	for _, p := range paths {
		var st unix.Stat_t
		if unix.Stat(p, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			dirs = append(dirs, p)
		} else {
			files = append(files, p)
		}
	}
	return landlock.CompositeRule(landlock.RODirs(dirs...), landlock.ROFiles(files...))
}

func filter(p Plan) error {
	names := forbidden
	if !p.Accept {
		names = append(names[:len(names):len(names)], accepting...)
	}
	f := seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls: []seccomp.SyscallGroup{
			{Action: seccomp.ActionErrno, Names: names},
			{Action: seccomp.ActionErrno, NamesWithCondtions: []seccomp.NameWithConditions{
				{Name: "clone", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsNotSet, Value: unix.CLONE_THREAD}}},
			}},
			{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}}, // its flags can't be seen; libc falls back to clone
		},
	}}
	if p.Strict {
		f.Policy.DefaultAction = seccomp.ActionErrno
		f.Policy.Syscalls[0] = seccomp.SyscallGroup{Action: seccomp.ActionAllow, Names: strict}
		f.Policy.Syscalls[1] = seccomp.SyscallGroup{Action: seccomp.ActionAllow, NamesWithCondtions: []seccomp.NameWithConditions{
			{Name: "clone", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD}}},
		}}
	}
	if err := seccomp.LoadFilter(f); err != nil {
		return fmt.Errorf("walls: seccomp: %w", err)
	}
	return nil
}

// lonely reports whether no interface but loopback is in sight.
func lonely() bool {
	all, err := net.Interfaces()
	if err != nil {
		return false
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 {
			return false
		}
	}
	return true
}
