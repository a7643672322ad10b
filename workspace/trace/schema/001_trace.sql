CREATE TABLE traces (id TEXT PRIMARY KEY, project TEXT NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX traces_by_state ON traces (state);
CREATE TABLE orgkeys (id TEXT PRIMARY KEY, org TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX orgkeys_by_org ON orgkeys (org);
