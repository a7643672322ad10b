-- Step-ups that were used: one serves for the one act that it was asked for,
-- once. id is a hash of whose it was, when it was shown and for what.
CREATE TABLE used_step_ups (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX used_step_ups_at ON used_step_ups (at);
