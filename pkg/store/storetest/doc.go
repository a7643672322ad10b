// Package storetest gives tests a real metadata store: SQLite in a folder of
// the test's own, or a PostgreSQL server of the test run's own.
//
// It is for tests only; no program imports it. It may start and stop servers
// and must never touch a database that it did not make.
package storetest
