package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect"
	"github.com/ark-tre/ark/airlock/inspect/rows"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar"
)

// holdsRecords adds the finding of a model that holds records of the extract,
// whose Parquet tables are in path or in its folder; "" for no extract.
func holdsRecords(ctx context.Context, path, name string, r inspect.Result) (inspect.Result, error) {
	if path == "" || len(r.Numbers) == 0 {
		return r, nil
	}
	files := []string{path}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*.parquet")); err != nil {
			return r, err
		}
	} else if filepath.Ext(path) != ".parquet" {
		return r, nil
	}
	finder, n := rows.New(r.Numbers), 0
	for _, f := range files {
		k, err := scanFile(ctx, finder, f)
		if err != nil {
			return r, err
		}
		n += k
	}
	if n > 0 {
		r.Findings = append(r.Findings, inspect.HoldsRecords(name, n))
		disclosure.Sort(r.Findings)
		r.Verdict = disclosure.Judge(r.Findings)
	}
	return r, nil
}

func scanFile(ctx context.Context, finder *rows.Finder, path string) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, ark.Faultf(ark.Invalid, "a table of the extract could not be read").Because(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	t, err := columnar.Open(f, st.Size(), columnar.Limits{Foreign: true})
	if err != nil {
		return 0, err
	}
	return finder.Scan(ctx, rows.Of(ctx, t))
}
