-- A reply is kept in the transaction of the act that it is about, so that a
-- stop right after the commit can't make a repeated request act again. made is
-- the id that the act was about until the answer itself was sent, then empty.
ALTER TABLE idempotency ADD COLUMN made TEXT NOT NULL DEFAULT '';

-- Forms that were sent when the session had ended, sealed, until their sender
-- has signed in again. id is the hash of the secret in the sender's cookie.
CREATE TABLE kept_forms (
    id     TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    until  BIGINT NOT NULL
);
CREATE INDEX kept_forms_until ON kept_forms (until);
