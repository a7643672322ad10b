package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql driver "pgx"
	_ "modernc.org/sqlite"             // database/sql driver "sqlite"

	"github.com/ark-tre/ark/pkg/ark"
)

//go:embed schema/*.sql
var coreSchema embed.FS

// Querier reads: a Tx, or the view given to View's function. The SQL is the
// subset that SQLite and PostgreSQL share, with $1 parameters.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Config says what a Store is made of. Every field but Now, Random and what follows is
// required: a Store without a Decider refuses everything.
type Config struct {
	DSN      string            // "sqlite:PATH" or "postgres://…"
	Schemas  []Schema          // the rooms' tables, in order of dependence
	Entities map[string]Loader // resource type → how to read it for a decision
	Decider  Decider
	Bodies   Sealer // seals the bodies of recorded acts
	Now      func() time.Time
	Random   io.Reader
	// Tries is how often a job is tried before it waits for a person; 0:
	// MaxAttempts.
	Tries int
	// Retry is how long a job that failed once waits, twice as long each time
	// after that; 0: two seconds.
	Retry time.Duration
	// Settled refuses a database that wants table files applied: somebody else
	// is at work on it.
	Settled bool
	// Commit, if set, does what commits the transaction named what, and may fail
	// before or after: for crash tests.
	Commit func(ctx context.Context, what string, commit func() error) error
}

// Schema is one room's tables: SQL files run in name order, once each.
type Schema struct {
	Room  string
	Files fs.FS
}

// SchemaOf is the schema of a room, of the files that it embeds below schema/.
func SchemaOf(room string, files embed.FS) Schema {
	sub, err := fs.Sub(files, "schema")
	if err != nil {
		panic(err) // the name is a valid one: it cannot fail
	}
	return Schema{Room: room, Files: sub}
}

// Sealer encrypts the bodies of recorded acts, bound to their id.
type Sealer interface {
	Seal(id string, plain []byte) (string, error)
	Open(id, sealed string) ([]byte, error)
}

// Store is the metadata store. Safe for concurrent use; one write at a time.
type Store struct {
	cfg      Config
	write    *sql.DB
	read     *sql.DB
	postgres bool
}

// Open opens the database, brings its tables up to date and returns the store.
// A table file that changed after it was applied, or one that this program
// does not know, is an error: the database belongs to another version.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Decider == nil || cfg.Bodies == nil {
		return nil, ark.Faultf(ark.Internal, "the metadata store was opened without its policies or its sealer")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Tries <= 0 {
		cfg.Tries = MaxAttempts
	}
	if cfg.Retry <= 0 {
		cfg.Retry = 2 * time.Second
	}
	s := &Store{cfg: cfg}
	if err := s.connect(); err != nil {
		return nil, err
	}
	all := append([]Schema{SchemaOf("store", coreSchema), identitySchema()}, cfg.Schemas...)
	if err := s.migrate(ctx, all); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) connect() error {
	kind, rest, _ := strings.Cut(s.cfg.DSN, ":")
	switch kind {
	case "sqlite":
		if rest == "" {
			return ark.Faultf(ark.Invalid, "the metadata store needs a file").Do("give sqlite:PATH")
		}
		// WAL: readers never block the writer. synchronous=FULL: a commit that
		// was reported survives a power cut. One writer connection: SQLite has
		// one writer, and waiting in Go is fairer than SQLITE_BUSY.
		pragmas := "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
		w, err := sql.Open("sqlite", "file:"+rest+pragmas+"&_txlock=immediate")
		if err != nil {
			return fmt.Errorf("open metadata store: %w", err)
		}
		w.SetMaxOpenConns(1)
		r, err := sql.Open("sqlite", "file:"+rest+pragmas+"&_pragma=query_only(1)")
		if err != nil {
			return fmt.Errorf("open metadata store: %w", err)
		}
		r.SetMaxOpenConns(8)
		s.write, s.read = w, r
	case "postgres", "postgresql":
		db, err := sql.Open("pgx", s.cfg.DSN)
		if err != nil {
			return fmt.Errorf("open metadata store: %w", err)
		}
		db.SetMaxOpenConns(16)
		s.write, s.read, s.postgres = db, db, true
	default:
		return ark.Faultf(ark.Invalid, "the metadata store's address is of no known kind").Do("give sqlite:PATH or postgres://…")
	}
	return nil
}

// Close closes the database.
func (s *Store) Close() error {
	err := s.write.Close()
	if s.read != s.write {
		if e := s.read.Close(); err == nil {
			err = e
		}
	}
	return err
}

// Now is the store's clock, UTC, to the microsecond.
func (s *Store) Now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// View runs fn on one consistent state of the metadata. It authorises nothing:
// callers show only what their policy and visibility checks allow.
func (s *Store) View(ctx context.Context, fn func(Querier) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: s.postgres, Isolation: s.viewIsolation()})
	if err != nil {
		return unavailable(err)
	}
	defer tx.Rollback()
	return fn(tx)
}

func (s *Store) viewIsolation() sql.IsolationLevel {
	if s.postgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

// Ready reports whether the database answers.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.read.PingContext(ctx); err != nil {
		return unavailable(err)
	}
	return nil
}

func unavailable(err error) error {
	return ark.Faultf(ark.Unavailable, "the metadata store does not answer").Do("try again; if it stays so, tell the operator").Because(err)
}
