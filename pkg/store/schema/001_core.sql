CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    n    BIGINT NOT NULL
);
INSERT INTO counters (name, n) VALUES ('outbox', 0);

-- One row per recorded act. seq is the order of the changes themselves;
-- ledger_index is set once the sequencer has put the leaf into the log.
CREATE TABLE outbox (
    seq          BIGINT PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    type         TEXT NOT NULL,
    at           BIGINT NOT NULL,
    subjects     TEXT NOT NULL,
    commitment   TEXT NOT NULL,
    actor        TEXT NOT NULL,
    project      TEXT NOT NULL,
    ledger_index BIGINT
);
CREATE INDEX outbox_pending ON outbox (ledger_index, seq);
CREATE INDEX outbox_project ON outbox (project, seq);

-- What was done, sealed; erasing a row leaves the ledger verifiable.
CREATE TABLE outbox_bodies (
    id   TEXT PRIMARY KEY,
    salt TEXT NOT NULL,
    body TEXT NOT NULL
);

-- Refusals of people who are not signed in, counted and not listed.
CREATE TABLE anonymous_refusals (
    day    TEXT NOT NULL,
    action TEXT NOT NULL,
    n      BIGINT NOT NULL,
    PRIMARY KEY (day, action)
);

CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    role        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    state       TEXT NOT NULL,
    step        BIGINT NOT NULL,
    input       TEXT NOT NULL,
    carry       TEXT NOT NULL,
    lease_owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    not_before  BIGINT NOT NULL,
    says        TEXT NOT NULL,
    created     BIGINT NOT NULL,
    updated     BIGINT NOT NULL
);
CREATE INDEX jobs_ready ON jobs (state, role, not_before);
CREATE INDEX jobs_subject ON jobs (subject);

CREATE TABLE idempotency (
    actor   TEXT NOT NULL,
    key     TEXT NOT NULL,
    request TEXT NOT NULL,
    status  BIGINT NOT NULL,
    type    TEXT NOT NULL,
    reply   TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
