-- Answers to candidates have their wordings too. A CHECK is not altered in place by both engines: the table is made anew.
CREATE TABLE wordings_next (
    id TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    kind TEXT NOT NULL CHECK (kind IN ('piece_refusal', 'piece_request', 'file_refusal', 'message')),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    UNIQUE (academy_code, kind, title)
);

INSERT INTO wordings_next (id, academy_code, kind, title, body, version)
SELECT id, academy_code, kind, title, body, version FROM wordings;

DROP TABLE wordings;

ALTER TABLE wordings_next RENAME TO wordings;
