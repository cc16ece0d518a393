-- Registration by form: drafts, the names under which a person is recognised, one registration a year,
-- what épreuve 1 needs, marks claimed, and the messages between a candidate and the office.

-- A draft is nobody's act yet: its identifier becomes the registration's when it is submitted.
CREATE TABLE drafts (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    answers TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    UNIQUE (user_id, session_id)
);
CREATE INDEX drafts_session ON drafts (session_id);

-- Birth and usage names alike, so that nobody is two people by signing with the other one.
CREATE TABLE person_identities (
    identity_key TEXT NOT NULL,
    homonym INTEGER NOT NULL DEFAULT 0,
    person_id TEXT NOT NULL REFERENCES people (id),
    PRIMARY KEY (identity_key, homonym)
);
CREATE INDEX person_identities_person ON person_identities (person_id);
INSERT INTO person_identities (identity_key, homonym, person_id)
SELECT identity_key, homonym, id FROM people;
INSERT INTO person_identities (identity_key, homonym, person_id)
SELECT replace(sort_key, '  ', '|') || '|' || birth_date, homonym, min(id) FROM people
WHERE NOT EXISTS (
    SELECT 1 FROM person_identities
    WHERE person_identities.identity_key = replace(people.sort_key, '  ', '|') || '|' || people.birth_date
        AND person_identities.homonym = people.homonym
)
GROUP BY replace(sort_key, '  ', '|') || '|' || birth_date, homonym;

-- A draft whose identity is one already known under another account: an officer says who is who.
CREATE TABLE identity_checks (
    id TEXT NOT NULL PRIMARY KEY,
    draft_id TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    asked_at TIMESTAMP NOT NULL,
    verdict TEXT CHECK (verdict IN ('same', 'distinct')),
    reason TEXT,
    decided_by TEXT,
    decided_by_name TEXT,
    decided_at TIMESTAMP,
    UNIQUE (draft_id, person_id)
);
CREATE INDEX identity_checks_session ON identity_checks (session_id);

-- One registration a year for one person, at their own rectorat.
CREATE TABLE yearly_registrations (
    person_id TEXT NOT NULL REFERENCES people (id),
    year INTEGER NOT NULL,
    registration_id TEXT NOT NULL UNIQUE REFERENCES registrations (id),
    PRIMARY KEY (person_id, year)
);
INSERT INTO yearly_registrations (person_id, year, registration_id)
SELECT registrations.person_id, exam_sessions.year, min(registrations.id)
FROM registrations JOIN exam_sessions ON exam_sessions.id = registrations.session_id
WHERE registrations.state <> 'withdrawn'
GROUP BY registrations.person_id, exam_sessions.year;

-- Where and when épreuve 1 may be seen.
CREATE TABLE action_plans (
    registration_id TEXT NOT NULL PRIMARY KEY REFERENCES registrations (id),
    host_uai TEXT,
    host_name TEXT NOT NULL,
    action TEXT NOT NULL,
    young_people INTEGER NOT NULL,
    days TEXT NOT NULL,
    unavailable TEXT NOT NULL
);

-- A mark of an earlier session that this house does not hold: an officer reads the transcript before it is kept.
CREATE TABLE kept_mark_claims (
    id TEXT NOT NULL PRIMARY KEY,
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    epreuve INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    origin_year INTEGER NOT NULL,
    origin_academy TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'accepted', 'refused')),
    reason TEXT,
    decided_by_name TEXT,
    decided_at TIMESTAMP,
    UNIQUE (registration_id, epreuve)
);

-- The thread of a draft or of the registration it became.
CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    file_id TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    from_office BOOLEAN NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    body TEXT NOT NULL,
    sent_at TIMESTAMP NOT NULL,
    read_at TIMESTAMP
);
CREATE INDEX messages_file ON messages (file_id, sent_at);
CREATE INDEX messages_session ON messages (session_id, from_office, read_at);

CREATE TABLE message_files (
    id TEXT NOT NULL PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES messages (id),
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL
);
CREATE INDEX message_files_message ON message_files (message_id);
