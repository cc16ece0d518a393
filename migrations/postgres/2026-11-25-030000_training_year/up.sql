-- A training year: what is offered, who asks for a place, dated meetings, presences, exemptions, tutors' follow-up, what trainees think.

CREATE TABLE training_offers (
    training_session_id TEXT NOT NULL PRIMARY KEY REFERENCES training_sessions (id),
    places INTEGER CHECK (places >= 1),
    remote_link TEXT,
    trainers TEXT NOT NULL,
    requires TEXT NOT NULL,
    takes_requests BOOLEAN NOT NULL,
    version INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE training_requests (
    id TEXT NOT NULL PRIMARY KEY,
    training_session_id TEXT NOT NULL REFERENCES training_sessions (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    state TEXT NOT NULL CHECK (state IN ('asked', 'waiting', 'enrolled', 'refused', 'cancelled')),
    asked_at TIMESTAMP NOT NULL,
    asked_by_name TEXT NOT NULL,
    reason TEXT,
    decided_at TIMESTAMP,
    decided_by_name TEXT,
    told_state TEXT,
    UNIQUE (training_session_id, person_id)
);
CREATE INDEX training_requests_person ON training_requests (person_id);

CREATE TABLE training_meetings (
    id TEXT NOT NULL PRIMARY KEY,
    training_session_id TEXT NOT NULL REFERENCES training_sessions (id),
    module_code TEXT NOT NULL,
    starts_at TIMESTAMP NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    place TEXT NOT NULL,
    remote_link TEXT,
    trainers TEXT NOT NULL,
    cancelled_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    version INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX training_meetings_training ON training_meetings (training_session_id, starts_at);

CREATE TABLE meeting_presences (
    meeting_id TEXT NOT NULL REFERENCES training_meetings (id),
    enrolment_id TEXT NOT NULL REFERENCES enrolments (id),
    minutes INTEGER NOT NULL CHECK (minutes BETWEEN 0 AND 720),
    method TEXT NOT NULL CHECK (method IN ('paper', 'phone', 'trainer')),
    noted_by_name TEXT NOT NULL,
    noted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (meeting_id, enrolment_id)
);
CREATE INDEX meeting_presences_enrolment ON meeting_presences (enrolment_id);

CREATE TABLE attendance_changes (
    id TEXT NOT NULL PRIMARY KEY,
    enrolment_id TEXT NOT NULL REFERENCES enrolments (id),
    module_code TEXT NOT NULL,
    held_on TEXT NOT NULL,
    minutes_before INTEGER NOT NULL,
    minutes_after INTEGER NOT NULL,
    reason TEXT NOT NULL,
    changed_by_name TEXT NOT NULL,
    changed_at TIMESTAMP NOT NULL
);
CREATE INDEX attendance_changes_enrolment ON attendance_changes (enrolment_id);

CREATE TABLE module_exemptions (
    id TEXT NOT NULL PRIMARY KEY,
    enrolment_id TEXT NOT NULL REFERENCES enrolments (id),
    module_code TEXT NOT NULL,
    reason TEXT NOT NULL,
    granted_by_name TEXT NOT NULL,
    granted_at TIMESTAMP NOT NULL,
    UNIQUE (enrolment_id, module_code)
);

CREATE TABLE module_choices (
    enrolment_id TEXT NOT NULL REFERENCES enrolments (id),
    module_code TEXT NOT NULL,
    PRIMARY KEY (enrolment_id, module_code)
);

CREATE TABLE tutor_meetings (
    id TEXT NOT NULL PRIMARY KEY,
    enrolment_id TEXT NOT NULL REFERENCES enrolments (id),
    held_on TEXT NOT NULL,
    notes TEXT NOT NULL,
    noted_by_name TEXT NOT NULL,
    noted_at TIMESTAMP NOT NULL
);
CREATE INDEX tutor_meetings_enrolment ON tutor_meetings (enrolment_id);

-- Who answered and what was answered never stand together: the answers carry no instant and a random key.
CREATE TABLE training_answered (
    enrolment_id TEXT NOT NULL PRIMARY KEY REFERENCES enrolments (id)
);

CREATE TABLE training_answers (
    id TEXT NOT NULL PRIMARY KEY,
    training_session_id TEXT NOT NULL REFERENCES training_sessions (id),
    content INTEGER NOT NULL CHECK (content BETWEEN 1 AND 4),
    organisation INTEGER NOT NULL CHECK (organisation BETWEEN 1 AND 4),
    usefulness INTEGER NOT NULL CHECK (usefulness BETWEEN 1 AND 4),
    remark TEXT NOT NULL
);
CREATE INDEX training_answers_training ON training_answers (training_session_id);

CREATE TABLE training_convocations (
    enrolment_id TEXT NOT NULL PRIMARY KEY REFERENCES enrolments (id),
    fingerprint TEXT NOT NULL,
    sent_at TIMESTAMP NOT NULL
);
