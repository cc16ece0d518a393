CREATE TABLE assignments (
    registration_id TEXT NOT NULL PRIMARY KEY REFERENCES registrations (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    user_name TEXT NOT NULL,
    assigned_by TEXT NOT NULL,
    assigned_at TIMESTAMP NOT NULL
);
CREATE INDEX assignments_user ON assignments (user_id);

CREATE TABLE saved_views (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    UNIQUE (user_id, name)
);

CREATE TABLE wordings (
    id TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    kind TEXT NOT NULL CHECK (kind IN ('piece_refusal', 'piece_request', 'file_refusal')),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    UNIQUE (academy_code, kind, title)
);

CREATE TABLE piece_reasons (
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (registration_id, code)
);

CREATE TABLE piece_requests (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    message TEXT NOT NULL,
    due_on TEXT NOT NULL,
    asked_at TIMESTAMP NOT NULL,
    asked_by TEXT NOT NULL,
    asked_by_name TEXT NOT NULL,
    reminded_at TIMESTAMP,
    closed_at TIMESTAMP
);
CREATE INDEX piece_requests_registration ON piece_requests (registration_id);
CREATE INDEX piece_requests_session ON piece_requests (session_id, due_on);

CREATE TABLE piece_request_items (
    request_id TEXT NOT NULL REFERENCES piece_requests (id),
    code TEXT NOT NULL,
    PRIMARY KEY (request_id, code)
);

CREATE TABLE file_presences (
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    user_name TEXT NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    PRIMARY KEY (registration_id, user_id)
);

CREATE TABLE file_notes (
    id TEXT NOT NULL PRIMARY KEY,
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX file_notes_registration ON file_notes (registration_id);

CREATE TABLE paper_files (
    registration_id TEXT NOT NULL PRIMARY KEY REFERENCES registrations (id),
    received_on TEXT NOT NULL,
    entered_by_name TEXT NOT NULL,
    entered_at TIMESTAMP NOT NULL
);

CREATE TABLE letters (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    decision_id TEXT NOT NULL REFERENCES decisions (id),
    kind TEXT NOT NULL CHECK (kind IN ('refusal', 'eligible', 'admission')),
    content TEXT NOT NULL,
    issued_at TIMESTAMP NOT NULL,
    issued_by_name TEXT NOT NULL,
    opened_at TIMESTAMP,
    posted_on TEXT,
    superseded_at TIMESTAMP
);
CREATE INDEX letters_registration ON letters (registration_id);
CREATE INDEX letters_session ON letters (session_id);

CREATE TABLE bulk_acts (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    act TEXT NOT NULL,
    done_by TEXT NOT NULL,
    done_at TIMESTAMP NOT NULL,
    files INTEGER NOT NULL
);

CREATE TABLE list_reopenings (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    reason TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_by_name TEXT NOT NULL,
    asked_at TIMESTAMP NOT NULL,
    granted_by TEXT,
    granted_by_name TEXT,
    granted_at TIMESTAMP
);
CREATE INDEX list_reopenings_session ON list_reopenings (session_id);
