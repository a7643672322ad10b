package duck

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"strconv"

	"github.com/marcboeker/go-duckdb"

	"github.com/ark-tre/ark/pkg/filter"
)

// options are how a DuckDB is opened.
type options struct {
	file    string // "" for memory
	memory  int64
	threads int
	temp    string // folder for spilling; "" forbids it
}

// open opens a DuckDB that loads no extension and knows no secret, not yet
// locked.
func open(o options) (*sql.DB, error) {
	set := url.Values{}
	for k, v := range map[string]string{
		"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "allow_community_extensions": "false",
		"allow_unsigned_extensions": "false", "allow_persistent_secrets": "false",
		"threads": strconv.Itoa(max(o.threads, 1)), "memory_limit": strconv.FormatInt(o.memory>>20, 10) + "MiB",
		"preserve_insertion_order": "true", "temp_directory": o.temp,
	} {
		set.Set(k, v)
	}
	c, err := duckdb.NewConnector(o.file+"?"+set.Encode(), func(driver.ExecerContext) error { return nil })
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// lock shuts the files, the extensions and the settings, for good. Without
// spill the local file system goes too: what is attached stays readable.
func lock(ctx context.Context, db *sql.DB, spill bool) error {
	steps := []string{"SET enable_external_access = false"}
	if !spill {
		steps = append(steps, "SET disabled_filesystems = 'LocalFileSystem'")
	}
	for _, s := range append(steps, "SET lock_configuration = true") {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("duck: lock: %w", err)
		}
	}
	var open bool
	if err := db.QueryRowContext(ctx, "SELECT current_setting('enable_external_access')").Scan(&open); err != nil || open {
		return fmt.Errorf("duck: the lock does not hold: %v", err)
	}
	return nil
}

func exec(ctx context.Context, db *sql.DB, format string, args ...any) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf(format, args...))
	return err
}

var quote, quoteText = filter.QuoteName, filter.QuoteText
