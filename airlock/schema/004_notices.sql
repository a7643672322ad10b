CREATE TABLE notices (id TEXT PRIMARY KEY, kind TEXT NOT NULL, request TEXT NOT NULL, at BIGINT NOT NULL, sent BIGINT NOT NULL, doc TEXT NOT NULL);
CREATE INDEX notices_sent ON notices (sent, id);
CREATE INDEX notices_request ON notices (request, kind, at);
