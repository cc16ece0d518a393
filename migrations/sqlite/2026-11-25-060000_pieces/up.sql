-- Files handed in for the pieces of a draft or of the registration it became, and what became of each mail.

-- A file is replaced, never overwritten: what an officer read yesterday can still be read today.
CREATE TABLE piece_files (
    id TEXT NOT NULL PRIMARY KEY,
    file_id TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    code TEXT NOT NULL,
    file_name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pdf', 'jpeg', 'png')),
    size INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at TIMESTAMP NOT NULL,
    replaced_at TIMESTAMP
);
CREATE INDEX piece_files_file ON piece_files (file_id, code);
CREATE INDEX piece_files_session ON piece_files (session_id);
-- The same file sent twice for the same piece is one file.
CREATE UNIQUE INDEX piece_files_once ON piece_files (file_id, code, sha256) WHERE replaced_at IS NULL;

-- A mail that came back, and the instant its recipient opened the page it speaks of (never a tracking picture).
ALTER TABLE outbox ADD COLUMN bounced_at TIMESTAMP;
ALTER TABLE outbox ADD COLUMN bounce_status TEXT;
ALTER TABLE outbox ADD COLUMN bounce_reason TEXT;
ALTER TABLE outbox ADD COLUMN read_at TIMESTAMP;
