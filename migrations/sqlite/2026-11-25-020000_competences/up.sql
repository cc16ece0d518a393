-- What each item of a version of the framework became in the next; to_code is absent when it was dropped, with its reason.
CREATE TABLE framework_mappings (
    id TEXT NOT NULL PRIMARY KEY,
    from_framework TEXT NOT NULL REFERENCES packs (id),
    from_code TEXT NOT NULL,
    to_framework TEXT NOT NULL REFERENCES packs (id),
    to_code TEXT,
    reason TEXT,
    recorded_by TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    UNIQUE (from_framework, from_code, to_framework, to_code)
);

-- A version that was read without fault and waits for its mapping.
CREATE TABLE framework_drafts (
    id TEXT NOT NULL PRIMARY KEY,
    file_name TEXT NOT NULL,
    source TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at TIMESTAMP NOT NULL
);

-- Evidence is only added: a correction is a new line that names the one it corrects, once.
ALTER TABLE evidence ADD COLUMN comment TEXT;
ALTER TABLE evidence ADD COLUMN corrects TEXT;
ALTER TABLE evidence ADD COLUMN author_id TEXT;
CREATE UNIQUE INDEX evidence_corrects ON evidence (corrects);

-- The level an academy aims at, when it is not that of the regulation.
CREATE TABLE competence_targets (
    academy_code TEXT NOT NULL PRIMARY KEY REFERENCES academies (code),
    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 4),
    set_by TEXT NOT NULL,
    set_by_name TEXT NOT NULL,
    set_at TIMESTAMP NOT NULL
);
