package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/rederive"
	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/engine"
	"github.com/ark-tre/ark/workspace/apps"
)

// extractFolder is where a workspace has its extract.
const extractFolder = apps.Top + "/extract"

// readMicrodata reads what a specification is about from a file, or from a
// folder of tables.
func readMicrodata(ctx context.Context, path string, spec rederive.Spec, unit string) (*disclosure.Microdata, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		if spec.Query != "" {
			f, err := queried(ctx, path, spec.Query)
			if err != nil {
				return nil, err
			}
			if unit != "" && !f.Has(unit) {
				return nil, ark.Faultf(ark.Invalid, "the specification's query drops the column %s", unit).Do("keep it, so that people can be counted")
			}
			return &disclosure.Microdata{Frame: f, Spec: spec.Table(), Unit: unit}, nil
		}
		if path, err = tableIn(path, spec.Data); err != nil {
			return nil, err
		}
	} else if spec.Query != "" {
		return nil, ark.Faultf(ark.Invalid, "a query needs a folder of Parquet tables to ask").Do("give --microdata as the extract's folder")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the microdata could not be opened").Because(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return rederive.ReadMicrodata(ctx, f, st.Size(), spec.Table(), unit)
}

// tableIn finds a table of a folder; one may go unnamed where it is alone.
func tableIn(dir, name string) (string, error) {
	if name != "" {
		for _, ext := range []string{".parquet", ".csv"} {
			p := filepath.Join(dir, filepath.Base(name)+ext)
			if _, err := os.Stat(p); err == nil {
				return p, nil
			}
		}
		return "", ark.Faultf(ark.Invalid, "there is no table of the specification's data in that folder").Do("name a table as it is called in the extract")
	}
	var found []string
	for _, ext := range []string{"*.parquet", "*.csv"} {
		if some, _ := filepath.Glob(filepath.Join(dir, ext)); len(found) == 0 {
			found = some
		}
	}
	if len(found) != 1 {
		return "", ark.Faultf(ark.Invalid, "the folder has not one table alone").Do("name the table as data in the specification")
	}
	return found[0], nil
}

// queried asks the query engine for the records of a query over the Parquet
// tables of a folder, as the airlock will.
func queried(ctx context.Context, dir, query string) (*disclosure.Frame, error) {
	r, err := queryTables(ctx, dir, query)
	if err != nil {
		return nil, err
	}
	if r.Truncated {
		return nil, ark.Faultf(ark.TooMuch, "the query gives more records than the airlock computes with").Do("narrow the query, or use data and filter")
	}
	var names []string
	types := map[string]cell.Type{}
	for _, c := range r.Columns {
		names, types[c.Name] = append(names, c.Name), c.Type
	}
	return disclosure.NewFrame(names, types, r.Rows), nil
}

func queryTables(ctx context.Context, dir, query string) (*engine.Result, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	tables := engine.Tables{}
	found, _ := filepath.Glob(filepath.Join(abs, "*.parquet"))
	for _, f := range found {
		tables[strings.TrimSuffix(filepath.Base(f), ".parquet")] = filepath.Base(f)
	}
	prog := apps.Engine
	if _, err := os.Stat(prog); err != nil {
		if prog, err = program("ark-engine"); err != nil {
			return nil, err
		}
	}
	scratch, err := os.MkdirTemp(roomy(), "ark-query-")
	if err != nil {
		return nil, ark.Faultf(ark.Unavailable, "there is no room for the query's own files").Because(err)
	}
	defer os.RemoveAll(scratch)
	return engine.Runner{Program: prog, Scratch: scratch, Limits: engine.Limits{Memory: 768 << 20}}.Query(ctx, abs, tables, query)
}

// roomy is a folder on a disk: in a workspace the home, whose temporary files
// would be in memory else.
func roomy() string {
	home := filepath.Join(apps.Top, "home", ".ark")
	if os.MkdirAll(home, 0o700) == nil {
		return home
	}
	return ""
}
