// Package engine is the client of ark-engine, the program that holds DuckDB.
//
// A Runner starts one ark-engine per job: a child without environment,
// credentials or network, in namespaces of its own where the kernel allows,
// which walls itself into the job's working folder before it reads a byte (see
// engine/walls), does one thing and ends. The folder holds the input as
// Parquet files; every name in a job is a plain file name inside it.
//
//	run := engine.Runner{Program: "bin/ark-engine"}
//	n, err   := run.Count(ctx, dir, engine.Select{Table: "admissions.parquet", Where: checked}, "person")
//	u, err   := run.Unique(ctx, dir, sel, "person", []string{"year_of_birth", "sex", "lsoa"})
//	res, err := run.Query(ctx, dir, engine.Tables{"adm": "admissions.parquet"}, "SELECT …")   // any SQL, locked down
//	err       = run.Extract(ctx, dir, sel, "out.parquet")                                      // filter, project, sort
//	err       = run.Copy(ctx, dir, tables, "SELECT … JOIN …", "out.parquet")                   // SQL of Ark's own making
//	err       = run.BuildDatabase(ctx, dir, tables, "extract.duckdb")
//
// Counts are exact: whoever shows one to a person rounds it by the dataset's
// disclosure profile first. Parquet written by the engine is an intermediate
// (read it with package columnar): versions and extracts that are hashed are
// written by columnar.
//
// This package builds without cgo. It must never import engine/duck, open a
// file of the job itself, or pass a credential to the child. Faults name the
// kind of an engine error, never its text, which can hold row values.
package engine
