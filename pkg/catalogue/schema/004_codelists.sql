CREATE TABLE codelists (id TEXT PRIMARY KEY, name TEXT NOT NULL, number BIGINT NOT NULL, doc TEXT NOT NULL, UNIQUE (name, number));
