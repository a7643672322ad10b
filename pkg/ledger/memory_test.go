package ledger_test

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/ledger"
)

// memory is Tiles without a disk, for the tests that make hundreds of logs. The
// folder and a real S3 server have tests of their own.
type memory struct {
	mu    sync.Mutex
	parts map[string][]byte
	head  []byte
	tag   int
}

// inMemory makes a log beside the one of c: the same key, another store.
func inMemory(t testing.TB, c ledger.Config) (ledger.Config, *ledger.Log) {
	t.Helper()
	c.Tiles = &memory{parts: make(map[string][]byte)}
	l, err := ledger.Create(context.Background(), c)
	must(t, err)
	return c, l
}

// verify holds what the store has, as it is, to the verifier.
func (m *memory) verify(t testing.TB, l *ledger.Log) ledger.Report {
	t.Helper()
	key, err := l.VerifierKey(context.Background())
	must(t, err)
	files := fstest.MapFS{"checkpoint": {Data: m.head}}
	for name, data := range m.parts {
		files[name] = &fstest.MapFile{Data: data}
	}
	report, err := ledger.Verify(files, []string{key})
	must(t, err)
	return report
}

func (m *memory) Put(_ context.Context, name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if there, ok := m.parts[name]; ok && !bytes.Equal(there, data) {
		return ark.Faultf(ark.Conflict, "%s exists", name)
	}
	m.parts[name] = bytes.Clone(data)
	return nil
}

func (m *memory) Get(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.parts[name]
	if !ok {
		return nil, ark.Faultf(ark.Unknown, "there is no %s", name)
	}
	return bytes.Clone(data), nil
}

func (m *memory) Prune(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.parts, name)
	return nil
}

func (m *memory) Head(context.Context) ([]byte, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tag == 0 {
		return nil, "", ark.Faultf(ark.Unknown, "there is no head")
	}
	return bytes.Clone(m.head), strconv.Itoa(m.tag), nil
}

func (m *memory) SetHead(_ context.Context, data []byte, tag string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if tag == "" {
		tag = "0"
	}
	if tag != strconv.Itoa(m.tag) {
		return ark.Faultf(ark.Conflict, "the head has moved")
	}
	m.head, m.tag = bytes.Clone(data), m.tag+1
	return nil
}
