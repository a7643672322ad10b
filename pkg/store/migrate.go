package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sort"

	"github.com/ark-tre/ark/pkg/ark"
)

// migrate applies each room's files that were not applied yet, each in a
// transaction of its own, and remembers their hashes.
func (s *Store) migrate(ctx context.Context, all []Schema) error {
	const table = `CREATE TABLE IF NOT EXISTS migrations (room TEXT NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (room, name))`
	if _, err := s.write.ExecContext(ctx, table); err != nil {
		return unavailable(err)
	}
	applied, err := s.applied(ctx)
	if err != nil {
		return err
	}
	for _, schema := range all {
		names, err := fs.Glob(schema.Files, "*.sql")
		if err != nil {
			return err
		}
		sort.Strings(names)
		for _, name := range names {
			key := schema.Room + "/" + name
			text, err := fs.ReadFile(schema.Files, name)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(text)
			hash := hex.EncodeToString(sum[:])
			was, done := applied[key]
			delete(applied, key)
			if done && was != hash {
				return ark.Faultf(ark.Conflict, "the table file %s was changed after this database had applied it", key).
					Do("run the version of ark that made this database, or restore its backup into a new one")
			}
			if !done && s.cfg.Settled {
				return ark.Faultf(ark.Conflict, "this database was made by an older version of ark").Do("start the Ark with this version first")
			}
			if !done {
				if err := s.apply(ctx, schema.Room, name, hash, string(text)); err != nil {
					return fmt.Errorf("apply %s: %w", key, err)
				}
			}
		}
	}
	for key := range applied {
		return ark.Faultf(ark.Conflict, "this database has tables (%s) that this version of ark does not know", key).
			Do("run the newer version of ark that made it")
	}
	return nil
}

func (s *Store) applied(ctx context.Context) (map[string]string, error) {
	rows, err := s.write.QueryContext(ctx, `SELECT room, name, hash FROM migrations`)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var room, name, hash string
		if err := rows.Scan(&room, &name, &hash); err != nil {
			return nil, err
		}
		out[room+"/"+name] = hash
	}
	return out, rows.Err()
}

func (s *Store) apply(ctx context.Context, room, name, hash, text string) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO migrations (room, name, hash, at) VALUES ($1,$2,$3,$4)`, room, name, hash, s.Now().UnixMicro()); err != nil {
		return err
	}
	return tx.Commit()
}
