CREATE TABLE inputs (id TEXT PRIMARY KEY, project TEXT NOT NULL, workspace TEXT NOT NULL, author TEXT NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX inputs_project ON inputs (project);
CREATE INDEX inputs_workspace ON inputs (workspace, state);
CREATE INDEX inputs_state ON inputs (state);
