CREATE TABLE requests (id TEXT PRIMARY KEY, project TEXT NOT NULL, author TEXT NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX requests_state ON requests (state);
CREATE INDEX requests_project ON requests (project);
CREATE TABLE releases (id TEXT PRIMARY KEY, project TEXT NOT NULL, request TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX releases_project ON releases (project);
