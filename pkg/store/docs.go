package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ark-tre/ark/pkg/ark"
)

// Docs keeps values of one noun in one table: the id, a few key columns to
// find it by, and the whole value as JSON in the column doc. The table is the
// room's own; its columns are id, Keys…, doc.
type Docs[T any] struct {
	Table string
	Noun  string                     // for the message when there is none: "project"
	Keys  []string                   // key columns beside id
	Of    func(v *T) (string, []any) // the id and the key values of v, in the order of Keys
}

// Insert adds v inside the change.
func (d Docs[T]) Insert(ctx context.Context, tx *Tx, v *T) error {
	id, keys := d.Of(v)
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	cols := append(append([]string{"id"}, d.Keys...), "doc")
	args := append(append([]any{id}, keys...), string(doc))
	_, err = tx.ExecContext(ctx, `INSERT INTO `+d.Table+` (`+strings.Join(cols, ", ")+`) VALUES (`+places(len(cols))+`)`, args...)
	if err != nil {
		return fmt.Errorf("insert %s: %w", d.Noun, err)
	}
	tx.wrote = append(tx.wrote, v)
	return nil
}

// Update replaces the value with v's id inside the change; it must exist.
func (d Docs[T]) Update(ctx context.Context, tx *Tx, v *T) error {
	id, keys := d.Of(v)
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sets := make([]string, 0, len(d.Keys)+1)
	args := []any{id}
	for i, k := range d.Keys {
		args = append(args, keys[i])
		sets = append(sets, fmt.Sprintf("%s = $%d", k, len(args)))
	}
	args = append(args, string(doc))
	sets = append(sets, fmt.Sprintf("doc = $%d", len(args)))
	res, err := tx.ExecContext(ctx, `UPDATE `+d.Table+` SET `+strings.Join(sets, ", ")+` WHERE id = $1`, args...)
	if err != nil {
		return fmt.Errorf("update %s: %w", d.Noun, err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return d.unknown()
	}
	tx.wrote = append(tx.wrote, v)
	return nil
}

// Get returns the value with that id, or an ark.Unknown fault.
func (d Docs[T]) Get(ctx context.Context, q Querier, id string) (*T, error) {
	var doc string
	err := q.QueryRowContext(ctx, `SELECT doc FROM `+d.Table+` WHERE id = $1`, id).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, d.unknown()
	}
	if err != nil {
		return nil, unavailable(err)
	}
	v := new(T)
	if err := json.Unmarshal([]byte(doc), v); err != nil {
		return nil, fmt.Errorf("read %s: %w", d.Noun, err)
	}
	return v, nil
}

// Where returns the values that the clause selects ("state = $1"), in order of
// their ids, which is the order they were made in. An empty clause selects all.
func (d Docs[T]) Where(ctx context.Context, q Querier, clause string, args ...any) ([]T, error) {
	if clause != "" {
		clause = " WHERE " + clause
	}
	rows, err := q.QueryContext(ctx, `SELECT doc FROM `+d.Table+clause+` ORDER BY id`, args...)
	if err != nil {
		return nil, unavailable(err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var doc string
		if err := rows.Scan(&doc); err != nil {
			return nil, err
		}
		var v T
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			return nil, fmt.Errorf("read %s: %w", d.Noun, err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// First is Where for at most one value: the oldest, or an ark.Unknown fault.
func (d Docs[T]) First(ctx context.Context, q Querier, clause string, args ...any) (*T, error) {
	all, err := d.Where(ctx, q, clause, args...)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, d.unknown()
	}
	return &all[0], nil
}

func (d Docs[T]) unknown() error {
	return ark.Faultf(ark.Unknown, "there is no such %s", d.Noun).Do("check the address; it may have been withdrawn")
}

func places(n int) string {
	p := make([]string, n)
	for i := range p {
		p[i] = fmt.Sprintf("$%d", i+1)
	}
	return strings.Join(p, ", ")
}
