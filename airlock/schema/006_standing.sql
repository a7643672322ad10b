CREATE TABLE standing_outputs (id TEXT PRIMARY KEY, project TEXT NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX standing_outputs_project ON standing_outputs (project);
CREATE INDEX standing_outputs_state ON standing_outputs (state);
CREATE TABLE standing_runs (id TEXT PRIMARY KEY, standing TEXT NOT NULL, state TEXT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX standing_runs_standing ON standing_runs (standing);
