CREATE TABLE published_tables (id TEXT PRIMARY KEY, state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX published_tables_state ON published_tables (state);
