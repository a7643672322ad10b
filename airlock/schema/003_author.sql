CREATE INDEX requests_author ON requests (author, state);
