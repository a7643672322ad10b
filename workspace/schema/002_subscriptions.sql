CREATE TABLE subscriptions (id TEXT PRIMARY KEY, project TEXT NOT NULL, dataset TEXT NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE (project, dataset));
