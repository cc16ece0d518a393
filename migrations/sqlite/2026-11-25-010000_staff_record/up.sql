-- The staff record over the years: names, career, mission letters, earlier holders, equivalences, handovers.
-- What was kept before is carried over; nothing is lost on the way up.

CREATE TABLE former_names (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    identity_key TEXT NOT NULL,
    search_key TEXT COLLATE BINARY NOT NULL,
    civility TEXT NOT NULL CHECK (civility IN ('Mme', 'M.')),
    birth_name TEXT NOT NULL,
    usage_name TEXT,
    first_names TEXT NOT NULL,
    changed_on TEXT NOT NULL,
    reason TEXT NOT NULL,
    recorded_by_name TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX former_names_person ON former_names (person_id);
CREATE INDEX former_names_identity ON former_names (identity_key);

CREATE TABLE numens (
    person_id TEXT NOT NULL PRIMARY KEY REFERENCES people (id),
    sealed TEXT NOT NULL,
    keyed_hash TEXT NOT NULL UNIQUE,
    recorded_by_name TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);

CREATE TABLE career_lines (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    rank INTEGER NOT NULL,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    source TEXT NOT NULL CHECK (source IN ('office', 'registration', 'declared')),
    category TEXT,
    corps TEXT NOT NULL,
    status TEXT NOT NULL,
    contract_date TEXT,
    starts_on TEXT NOT NULL,
    recorded_by_name TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    UNIQUE (person_id, rank)
);

INSERT INTO career_lines (id, person_id, rank, academy_code, source, category, corps, status, contract_date, starts_on,
    recorded_by_name, recorded_at)
SELECT r.person_id, r.person_id, 1, p.academy_code, 'registration', r.category, r.corps, r.status, r.contract_date,
    SUBSTR(CAST(r.updated_at AS TEXT), 1, 10), 'cplds', r.updated_at
FROM staff_records r JOIN people p ON p.id = r.person_id;

ALTER TABLE postings ADD COLUMN requires_certificate BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE postings ADD COLUMN certificate_by TEXT;

-- An activity left and taken up again is two lines.
CREATE TABLE activities_since (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    framework_id TEXT NOT NULL REFERENCES packs (id),
    item_code TEXT NOT NULL,
    since TEXT NOT NULL,
    until_on TEXT,
    UNIQUE (person_id, framework_id, item_code, since)
);
INSERT INTO activities_since (id, person_id, framework_id, item_code, since)
SELECT id, person_id, framework_id, item_code, since FROM exercised_activities;
DROP TABLE exercised_activities;
ALTER TABLE activities_since RENAME TO exercised_activities;

CREATE TABLE mission_letters (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    academy_code TEXT NOT NULL REFERENCES academies (code),
    framework_id TEXT NOT NULL REFERENCES packs (id),
    version INTEGER NOT NULL,
    starts_on TEXT NOT NULL,
    ends_on TEXT NOT NULL,
    place TEXT NOT NULL,
    missions TEXT NOT NULL,
    recorded_by_name TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    UNIQUE (person_id, version)
);

CREATE TABLE mission_shares (
    letter_id TEXT NOT NULL REFERENCES mission_letters (id),
    family_code TEXT NOT NULL,
    share INTEGER NOT NULL CHECK (share BETWEEN 0 AND 100),
    PRIMARY KEY (letter_id, family_code)
);

CREATE TABLE signed_letters (
    id TEXT NOT NULL PRIMARY KEY,
    letter_id TEXT NOT NULL REFERENCES mission_letters (id),
    sha256 TEXT NOT NULL,
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    signed_on TEXT NOT NULL,
    attached_by_name TEXT NOT NULL,
    attached_at TIMESTAMP NOT NULL,
    UNIQUE (letter_id, sha256)
);

CREATE TABLE earlier_certificates (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    academy_code TEXT NOT NULL REFERENCES academies (code),
    year INTEGER NOT NULL,
    number TEXT,
    issued_on TEXT,
    evidence TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('to_verify', 'verified', 'rejected')),
    recorded_by_name TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    checked_by_name TEXT,
    checked_at TIMESTAMP,
    check_note TEXT,
    UNIQUE (person_id, year)
);
CREATE INDEX earlier_certificates_academy ON earlier_certificates (academy_code, state);

CREATE TABLE earlier_marks (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    academy_code TEXT NOT NULL REFERENCES academies (code),
    year INTEGER NOT NULL,
    epreuve INTEGER NOT NULL,
    mark INTEGER NOT NULL CHECK (mark BETWEEN 0 AND 10000),
    evidence TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('to_verify', 'verified', 'rejected')),
    recorded_by_name TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    checked_by_name TEXT,
    checked_at TIMESTAMP,
    check_note TEXT,
    UNIQUE (person_id, epreuve, year)
);
CREATE INDEX earlier_marks_academy ON earlier_marks (academy_code, state);

CREATE TABLE equivalences (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL UNIQUE REFERENCES people (id),
    academy_code TEXT NOT NULL REFERENCES academies (code),
    ground TEXT NOT NULL CHECK (ground IN ('cpif', 'three_years')),
    evidence TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('to_verify', 'verified', 'rejected')),
    year INTEGER,
    rank INTEGER,
    number TEXT UNIQUE,
    snapshot TEXT,
    recorded_by_name TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    checked_by_name TEXT,
    checked_at TIMESTAMP,
    check_note TEXT,
    UNIQUE (academy_code, year, rank)
);
CREATE INDEX equivalences_academy ON equivalences (academy_code, state);

CREATE TABLE handovers (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    from_academy TEXT NOT NULL REFERENCES academies (code),
    to_academy TEXT NOT NULL REFERENCES academies (code),
    takes_effect_on TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('proposed', 'accepted', 'declined', 'withdrawn')),
    proposed_by_name TEXT NOT NULL,
    proposed_at TIMESTAMP NOT NULL,
    answered_by_name TEXT,
    answered_at TIMESTAMP,
    answer TEXT
);
CREATE UNIQUE INDEX handovers_pending ON handovers (person_id) WHERE state = 'proposed';
CREATE INDEX handovers_to ON handovers (to_academy, state);
CREATE INDEX handovers_from ON handovers (from_academy, state);
CREATE INDEX postings_academy ON postings (academy_code, requires_certificate);
