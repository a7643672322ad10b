CREATE TABLE pairs (id TEXT PRIMARY KEY, linkage TEXT NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX pairs_by_state ON pairs (state);
