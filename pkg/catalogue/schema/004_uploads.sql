CREATE TABLE uploads (id TEXT PRIMARY KEY, source TEXT NOT NULL, manifest TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE (source, manifest));
