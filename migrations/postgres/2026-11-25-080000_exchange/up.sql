-- Schools under their code, files on their way in, and how an academy names its columns.

CREATE TABLE schools (
    uai TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    name TEXT NOT NULL,
    commune TEXT NOT NULL,
    department TEXT NOT NULL,
    kind TEXT NOT NULL,
    sort_key TEXT COLLATE "C" NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX schools_academy ON schools (academy_code, sort_key);

-- A spreadsheet between its upload and its import; forgotten after a day.
CREATE TABLE import_drafts (
    id TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    session_id TEXT REFERENCES exam_sessions (id),
    what TEXT NOT NULL CHECK (what IN ('candidates', 'jurors', 'staff', 'schools', 'holders', 'kept-marks')),
    file_name TEXT NOT NULL,
    sheet TEXT,
    bytes BYTEA NOT NULL,
    made_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX import_drafts_age ON import_drafts (created_at);

CREATE TABLE column_mappings (
    academy_code TEXT NOT NULL REFERENCES academies (code),
    what TEXT NOT NULL,
    headers_key TEXT NOT NULL,
    mapping TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    PRIMARY KEY (academy_code, what, headers_key)
);
