package highs

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

//go:embed highs.wasm.gz
var wasmGz []byte

// ErrSolver is returned when the guest failed: trapped, ran out of memory or
// answered nonsense. The solver must then be closed.
var ErrSolver = errors.New("highs: the solver failed")

// Options of a solver.
type Options struct {
	CacheDir    string               // compiled code is kept here; empty: compile anew (two seconds)
	MemoryPages uint32               // limit of 64 KiB pages; 0: 16,384 (1 GiB)
	Clock       func() time.Duration // nil: a clock that counts calls, so that runs repeat exactly
}

// Solver is one instance of the guest. It is not safe for concurrent use.
type Solver struct {
	ctx     context.Context
	runtime wazero.Runtime
	module  api.Module
	fns     map[string]api.Function
	broken  bool
}

// New starts a solver.
func New(ctx context.Context, o Options) (*Solver, error) {
	z, err := gzip.NewReader(bytes.NewReader(wasmGz))
	if err != nil {
		return nil, err
	}
	wasm, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(wasm); hex.EncodeToString(sum[:]) != wasmSHA256 {
		return nil, errors.New("highs: the solver's bytes are not the pinned ones")
	}
	if o.MemoryPages == 0 {
		o.MemoryPages = 16384
	}
	cfg := wazero.NewRuntimeConfig().WithMemoryLimitPages(o.MemoryPages).WithCloseOnContextDone(true)
	if o.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(o.CacheDir)
		if err != nil {
			return nil, err
		}
		cfg = cfg.WithCompilationCache(cache)
	}
	s := &Solver{ctx: ctx, runtime: wazero.NewRuntimeWithConfig(ctx, cfg), fns: map[string]api.Function{}}
	if err := s.start(wasm, o.Clock); err != nil {
		s.runtime.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

func (s *Solver) start(wasm []byte, clock func() time.Duration) error {
	if clock == nil {
		calls := time.Duration(0)
		clock = func() time.Duration { calls += time.Microsecond; return calls }
	}
	if err := s.imports(clock); err != nil {
		return err
	}
	compiled, err := s.runtime.CompileModule(s.ctx, wasm)
	if err != nil {
		return err
	}
	if s.module, err = s.runtime.InstantiateModule(s.ctx, compiled, wazero.NewModuleConfig().WithName("highs").WithStartFunctions()); err != nil {
		return err
	}
	for _, n := range []string{expCtors, expFree, expMalloc, expCreate, expDestroy, expRun, expPassLP, expPassMIP, expSetBool, expSetInt, expSetDouble, expSetString,
		expInfo, expInfo64, expSolution, expStatus, expObjective, expAddRow, expCosts, expBounds, expClearSol, expSetSol} {
		f := s.module.ExportedFunction(n)
		if f == nil {
			return fmt.Errorf("highs: export %q is missing", n)
		}
		s.fns[n] = f
	}
	_, err = s.call(expCtors)
	return err
}

// imports gives the guest what emscripten expects, and nothing of the host.
func (s *Solver) imports(clock func() time.Duration) error {
	const badf = 8
	mem := func(m api.Module) api.Memory { return m.Memory() }
	b := s.runtime.NewHostModuleBuilder("a")
	def := func(name string, f any) { b.NewFunctionBuilder().WithFunc(f).Export(name) }
	def("a", func(uint32, uint32, uint32) { panic("the solver threw") })
	def("b", func(uint32) { panic("the solver exited") })
	def("c", func() float64 { return float64(clock()) / 1e6 })
	def("d", func(uint32) uint32 { return 0 })
	def("e", func(uint32, uint32, uint32) int32 { return -badf })
	def("f", func(_ context.Context, m api.Module, _, iov, n, out uint32) uint32 {
		total := uint32(0)
		for i := range n {
			l, _ := mem(m).ReadUint32Le(iov + 8*i + 4)
			total += l
		}
		mem(m).WriteUint32Le(out, total) // swallowed
		return 0
	})
	def("g", func(uint32, uint32, uint32, uint32) uint32 { return badf })
	def("h", func(uint32, uint32, uint32) int32 { return -25 }) // ENOTTY
	def("i", func(uint32, uint32, uint32, uint32) int32 { return -2 })
	def("j", func() float64 { return float64(clock()) / 1e6 })
	def("k", func() { panic("the solver aborted") })
	def("l", func(uint32, float64) uint32 { return 0 })
	def("m", func(uint32, uint32, uint32, uint32) {})
	def("n", func(uint32, uint32) uint32 { return 0 })
	def("o", func(_ context.Context, m api.Module, count, size uint32) uint32 {
		mem(m).WriteUint32Le(count, 0)
		mem(m).WriteUint32Le(size, 0)
		return 0
	})
	def("p", func(_ context.Context, m api.Module, _ uint32, _ uint64, out uint32) uint32 {
		mem(m).WriteUint64Le(out, uint64(clock()))
		return 0
	})
	def("q", func(_ context.Context, m api.Module, want uint32) uint32 {
		have := mem(m).Size()
		if want <= have {
			return 1
		}
		if _, ok := mem(m).Grow((want - have + 65535) / 65536); !ok {
			return 0
		}
		return 1
	})
	def("r", func(uint32) { panic("the solver exited") })
	def("s", func() {})
	def("t", func(uint32, uint64, uint32, uint32) uint32 { return badf })
	_, err := b.Instantiate(s.ctx)
	return err
}

// Close frees the guest.
func (s *Solver) Close() error { return s.runtime.Close(context.WithoutCancel(s.ctx)) }

func (s *Solver) call(name string, args ...uint64) (uint64, error) {
	if s.broken {
		return 0, ErrSolver
	}
	out, err := s.fns[name].Call(s.ctx, args...)
	if err != nil {
		s.broken = true
		if c := s.ctx.Err(); c != nil {
			return 0, c
		}
		return 0, fmt.Errorf("%w: %v", ErrSolver, err)
	}
	if len(out) == 0 {
		return 0, nil
	}
	return out[0], nil
}

// scratch is guest memory of one call.
type scratch struct {
	s    *Solver
	ptrs []uint64
	err  error
}

func (x *scratch) bytes(b []byte) uint64 {
	if x.err != nil {
		return 0
	}
	p, err := x.s.call(expMalloc, uint64(max(len(b), 8)))
	if err == nil && p == 0 {
		err = fmt.Errorf("%w: out of memory", ErrSolver)
	}
	if err != nil {
		x.err = err
		return 0
	}
	x.ptrs = append(x.ptrs, p)
	x.s.module.Memory().Write(uint32(p), b)
	return p
}

func (x *scratch) floats(v []float64) uint64 {
	b := make([]byte, 8*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint64(b[8*i:], math.Float64bits(f))
	}
	return x.bytes(b)
}

func (x *scratch) ints(v []int32) uint64 {
	b := make([]byte, 4*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint32(b[4*i:], uint32(f))
	}
	return x.bytes(b)
}

func (x *scratch) text(v string) uint64 { return x.bytes(append([]byte(v), 0)) }

func (x *scratch) read(p uint64, n int) []float64 {
	b, ok := x.s.module.Memory().Read(uint32(p), uint32(8*n))
	if !ok {
		x.err = ErrSolver
		return make([]float64, n)
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return out
}

func (x *scratch) free() {
	for _, p := range x.ptrs {
		if _, err := x.s.call(expFree, p); err != nil && x.err == nil {
			x.err = err
		}
	}
}
