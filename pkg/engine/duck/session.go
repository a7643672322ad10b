package duck

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Config is what a workspace's SQL server is given.
type Config struct {
	DB      string        // the extract, a DuckDB file, attached read-only
	Home    string        // private folder; holds the history
	Outbox  string        // folder that results may be saved to
	Spill   string        // folder for data larger than memory; "" keeps all in memory
	Memory  int64         // bytes, default 1 GiB
	Threads int           // default 2
	Timeout time.Duration // of one statement, default 2 minutes
	MaxRows int           // shown on screen, default 1000
	MaxCell int           // bytes of a cell shown on screen, default 2000
}

func (c Config) orDefault() Config {
	set := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	set(&c.Threads, 2)
	set(&c.MaxRows, 1000)
	set(&c.MaxCell, 2000)
	if c.Memory <= 0 {
		c.Memory = 1 << 30
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Minute
	}
	return c
}

// session is the one user's conversation with the engine: an in-memory
// catalogue for what the user makes, the extract attached beside it, and
// everything else shut.
type session struct {
	cfg   Config
	db    *sql.DB
	user  *sql.Conn     // the user's statements, one at a time: temporary tables and transactions live here
	turn  chan struct{} // held while a statement runs
	stuck func()        // called when a statement does not stop though interrupted

	mu     sync.Mutex
	cancel context.CancelFunc // of the running statement
}

// extractName is the catalogue under which the extract is attached.
const extractName = "extract"

func newSession(ctx context.Context, cfg Config, stuck func()) (*session, error) {
	temp := ""
	if cfg.Spill != "" {
		temp = filepath.Join(cfg.Spill, "spill")
		if err := os.RemoveAll(temp); err != nil { // of a process that was killed
			return nil, err
		}
	}
	db, err := open(options{memory: cfg.Memory, threads: cfg.Threads, temp: temp})
	if err != nil {
		return nil, err
	}
	s := &session{cfg: cfg, db: db, turn: make(chan struct{}, 1), stuck: stuck}
	if err := s.prepare(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return s, nil
}

func (s *session) prepare(ctx context.Context) error {
	if err := exec(ctx, s.db, "ATTACH %s AS %s (READ_ONLY)", quoteText(s.cfg.DB), extractName); err != nil {
		return err
	}
	tables, err := s.names(ctx, "SELECT table_name FROM duckdb_tables() WHERE database_name = 'extract' ORDER BY 1")
	if err != nil {
		return err
	}
	for _, t := range tables { // so that a query needs no prefix
		if err := exec(ctx, s.db, "CREATE VIEW %s AS SELECT * FROM %s.main.%s", quote(t), extractName, quote(t)); err != nil {
			return err
		}
	}
	if s.user, err = s.db.Conn(ctx); err != nil {
		return err
	}
	return lock(ctx, s.db, s.cfg.Spill != "")
}

func (s *session) names(ctx context.Context, q string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, q)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// known returns every name of the schema in lower case: the names that an
// error may repeat.
func (s *session) known(ctx context.Context) map[string]bool {
	names, _ := s.names(ctx, `SELECT lower(database_name) FROM duckdb_columns() UNION SELECT lower(schema_name) FROM duckdb_columns()
		UNION SELECT lower(table_name) FROM duckdb_columns() UNION SELECT lower(column_name) FROM duckdb_columns() UNION SELECT lower(function_name) FROM duckdb_functions()`)
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

// stop interrupts the running statement, if there is one.
func (s *session) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel()
	}
}

// run waits for its turn and runs f with a context that ends at the time-out,
// when the request ends, or at stop. A statement that does not stop within the
// grace leaves the engine beyond use: stuck is called.
func (s *session) run(ctx context.Context, f func(context.Context) error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ark.Faultf(ark.Conflict, "the query was stopped while it waited for the one before")
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		err := f(ctx)
		s.mu.Lock()
		s.cancel = nil
		s.mu.Unlock()
		cancel()
		<-s.turn
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		s.stuck()
		return ark.Faultf(ark.TooMuch, "the query did not stop by itself, so the engine starts again; tables you made in this session are gone").Do("wait a moment, then ask for less at a time")
	}
}

// rows runs statements and calls use with the rows of the last one. limit
// bounds those of a SELECT; 0 is no bound.
func (s *session) rows(ctx context.Context, text string, limit int, use func(*sql.Rows) error) error {
	stmts := split(text)
	if len(stmts) == 0 {
		return ark.Faultf(ark.Invalid, "there is no SQL to run").Do("write a statement, such as SELECT 1")
	}
	if len(stmts) > 100 {
		return ark.Faultf(ark.TooMuch, "at most 100 statements run at once")
	}
	return s.run(ctx, func(ctx context.Context) error {
		err := s.all(ctx, stmts, limit, use)
		if err != nil {
			return fault(ctx, err, text, s.known(context.WithoutCancel(ctx)))
		}
		return nil
	})
}

func (s *session) all(ctx context.Context, stmts []string, limit int, use func(*sql.Rows) error) error {
	for _, stmt := range stmts {
		if !allowed[keyword(stmt)] {
			return ark.Faultf(ark.Forbidden, "no statement may begin with that word here").Do("check its spelling; query the tables, or make tables and views of your own; settings, files, extensions and other databases can't be reached")
		}
	}
	last := len(stmts) - 1
	for _, stmt := range stmts[:last] {
		if _, err := s.user.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	rows, err := s.open(ctx, stmts[last], limit)
	if err != nil {
		return err
	}
	return errors.Join(use(rows), rows.Close())
}

// allowed are the first words of the statements that a user may run. It is a
// third wall, before the engine's lock: PRAGMA and its like stay per connection
// and aren't all under the lock.
var allowed = map[string]bool{
	"SELECT": true, "WITH": true, "FROM": true, "VALUES": true, "TABLE": true, "(": true, "PIVOT": true, "UNPIVOT": true,
	"DESCRIBE": true, "DESC": true, "SHOW": true, "SUMMARIZE": true, "EXPLAIN": true, "ANALYZE": true,
	"CREATE": true, "INSERT": true, "UPDATE": true, "DELETE": true, "TRUNCATE": true, "DROP": true, "ALTER": true, "COMMENT": true,
	"BEGIN": true, "START": true, "COMMIT": true, "END": true, "ROLLBACK": true, "ABORT": true, "PREPARE": true, "EXECUTE": true, "DEALLOCATE": true,
}

// open runs one statement. A SELECT is wrapped so that the engine never makes
// more rows than are wanted.
func (s *session) open(ctx context.Context, stmt string, limit int) (*sql.Rows, error) {
	switch keyword(stmt) {
	case "SELECT", "WITH", "FROM", "VALUES", "TABLE", "(":
	default:
		limit = 0
	}
	if limit == 0 {
		return s.user.QueryContext(ctx, stmt)
	}
	probe, err := s.user.PrepareContext(ctx, stmt) // also so that an error is about the user's own text
	if err != nil {
		return nil, err
	}
	probe.Close()
	wrapped, err := s.user.PrepareContext(ctx, wrap(stmt, limit))
	if err != nil { // WITH … INSERT, and whatever else can't stand in a FROM
		return s.user.QueryContext(ctx, stmt)
	}
	wrapped.Close()
	return s.user.QueryContext(ctx, wrap(stmt, limit))
}

// Table is one table or view that a query may name.
type Table struct {
	Name    string        `json:"name"`
	Mine    bool          `json:"mine"` // made in this session, not part of the extract
	Columns []TableColumn `json:"columns"`
}

// TableColumn is one of its columns.
type TableColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// schema lists the extract's tables and the user's own.
func (s *session) schema(ctx context.Context) ([]Table, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT database_name = 'extract', table_name, column_name, data_type FROM duckdb_columns()
		WHERE NOT internal AND (database_name = 'extract' OR table_name NOT IN (SELECT table_name FROM duckdb_tables() WHERE database_name = 'extract'))
		ORDER BY 1 DESC, lower(table_name), table_name, column_index`)
	if err != nil {
		return nil, fault(ctx, err, "", nil)
	}
	defer rows.Close()
	out := []Table{}
	for rows.Next() {
		var extract bool
		var table string
		var c TableColumn
		if err := rows.Scan(&extract, &table, &c.Name, &c.Type); err != nil {
			return nil, err
		}
		if n := len(out); n == 0 || out[n-1].Name != table || out[n-1].Mine == extract {
			out = append(out, Table{Name: table, Mine: !extract})
		}
		last := &out[len(out)-1]
		last.Columns = append(last.Columns, c)
	}
	return out, rows.Err()
}

func (s *session) close() {
	s.stop()
	s.user.Close()
	s.db.Close()
}

// clip cuts text to at most n bytes at a character's edge.
func clip(text string, n int) (string, bool) {
	if len(text) <= n {
		return text, false
	}
	return strings.ToValidUTF8(text[:n], "") + "…", true
}
