-- What people and programs are to be told, until it is told. It is no record: nothing of it is in the
-- trail.
CREATE TABLE notice (
    id @id,
    at_unix_s @int NOT NULL CHECK (at_unix_s >= 0),
    channel TEXT NOT NULL CHECK (channel IN ('webhook', 'mail')),
    recipient TEXT NOT NULL CHECK (length(recipient) BETWEEN 1 AND 4096),
    subject TEXT NOT NULL CHECK (length(subject) <= 255),
    body TEXT NOT NULL CHECK (length(body) <= 65536),
    attempts @int NOT NULL CHECK (attempts >= 0),
    due_unix_s @int NOT NULL CHECK (due_unix_s >= 0)
) @strict;
CREATE INDEX notice_by_due ON notice (due_unix_s);
