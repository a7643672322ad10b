CREATE TABLE extracts (id TEXT PRIMARY KEY, project TEXT NOT NULL, permit TEXT NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX extracts_project ON extracts (project);
CREATE TABLE workspaces (id TEXT PRIMARY KEY, project TEXT NOT NULL, usr TEXT NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX workspaces_project ON workspaces (project);
CREATE INDEX workspaces_user ON workspaces (usr);
CREATE TABLE meters (workspace TEXT NOT NULL, start BIGINT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (workspace, start));
