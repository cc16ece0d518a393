-- The whole life of one exam session, in the order of its steps.
-- Portable columns only: this text and the PostgreSQL one differ in two type names, compared by a test.

CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE academies (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    region_code TEXT NOT NULL,
    departments TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    city TEXT NOT NULL,
    court TEXT NOT NULL,
    service TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    signatory_name TEXT NOT NULL,
    signatory_title TEXT NOT NULL,
    delegation TEXT
);

CREATE TABLE packs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('regulation', 'framework')),
    version TEXT NOT NULL,
    title TEXT NOT NULL,
    source TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    loaded_at TIMESTAMP NOT NULL
);

CREATE TABLE pack_validations (
    id TEXT NOT NULL PRIMARY KEY,
    pack_id TEXT NOT NULL REFERENCES packs (id),
    path TEXT NOT NULL,
    validated_by TEXT NOT NULL,
    validated_by_name TEXT NOT NULL,
    validated_at TIMESTAMP NOT NULL,
    note TEXT NOT NULL,
    UNIQUE (pack_id, path)
);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT,
    created_at TIMESTAMP NOT NULL,
    verified_at TIMESTAMP,
    disabled_at TIMESTAMP
);

CREATE TABLE role_grants (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('candidate', 'jury_member', 'commission_chair', 'jury_president', 'exam_officer',
        'exam_office_head', 'training_manager', 'tutor', 'academy_administrator', 'national_reader',
        'platform_administrator', 'service_account')),
    academy_code TEXT REFERENCES academies (code),
    granted_by TEXT NOT NULL,
    granted_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX role_grants_once ON role_grants (user_id, role, COALESCE(academy_code, ''));

CREATE TABLE login_sessions (
    token_hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX login_sessions_user ON login_sessions (user_id);

CREATE TABLE login_throttles (
    key TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    window_started_at TIMESTAMP NOT NULL
);

CREATE TABLE people (
    id TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    identity_key TEXT NOT NULL,
    homonym INTEGER NOT NULL DEFAULT 0,
    civility TEXT NOT NULL CHECK (civility IN ('Mme', 'M.')),
    birth_name TEXT NOT NULL,
    usage_name TEXT,
    first_names TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    birth_place TEXT,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    phone TEXT,
    sort_key TEXT COLLATE BINARY NOT NULL,
    user_id TEXT UNIQUE REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    UNIQUE (identity_key, homonym)
);
CREATE INDEX people_by_academy ON people (academy_code, sort_key);
CREATE INDEX people_by_email ON people (email_key);

CREATE TABLE links (
    token_hash TEXT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('invitation', 'password')),
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    user_id TEXT REFERENCES users (id),
    person_id TEXT REFERENCES people (id),
    juror_id TEXT,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);

CREATE TABLE staff_records (
    person_id TEXT NOT NULL PRIMARY KEY REFERENCES people (id),
    category TEXT,
    corps TEXT NOT NULL,
    status TEXT NOT NULL,
    contract_date TEXT,
    updated_at TIMESTAMP NOT NULL
);

CREATE TABLE postings (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    academy_code TEXT NOT NULL REFERENCES academies (code),
    level TEXT NOT NULL CHECK (level IN ('academie', 'departement', 'bassin', 'district', 'eple')),
    place TEXT NOT NULL,
    uai TEXT,
    department TEXT,
    quota INTEGER NOT NULL CHECK (quota BETWEEN 1 AND 100),
    starts_on TEXT NOT NULL,
    ends_on TEXT
);
CREATE INDEX postings_person ON postings (person_id);

CREATE TABLE exercised_activities (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    framework_id TEXT NOT NULL REFERENCES packs (id),
    item_code TEXT NOT NULL,
    since TEXT NOT NULL,
    UNIQUE (person_id, framework_id, item_code)
);

CREATE TABLE evidence (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    framework_id TEXT NOT NULL REFERENCES packs (id),
    item_code TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('self', 'tutor', 'trainer', 'jury')),
    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 4),
    dated_on TEXT NOT NULL,
    author TEXT NOT NULL,
    reference TEXT,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX evidence_person ON evidence (person_id);

CREATE TABLE training_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    title TEXT NOT NULL,
    school_year INTEGER NOT NULL,
    regulation_id TEXT NOT NULL REFERENCES packs (id),
    starts_on TEXT NOT NULL,
    ends_on TEXT NOT NULL,
    place TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE enrolments (
    id TEXT NOT NULL PRIMARY KEY,
    training_session_id TEXT NOT NULL REFERENCES training_sessions (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    tutor_person_id TEXT REFERENCES people (id),
    tutor_name TEXT,
    tutor_email_key TEXT,
    enrolled_at TIMESTAMP NOT NULL,
    withdrawn_at TIMESTAMP,
    UNIQUE (training_session_id, person_id)
);
CREATE INDEX enrolments_person ON enrolments (person_id);

CREATE TABLE attendances (
    id TEXT NOT NULL PRIMARY KEY,
    enrolment_id TEXT NOT NULL REFERENCES enrolments (id),
    module_code TEXT NOT NULL,
    held_on TEXT NOT NULL,
    minutes INTEGER NOT NULL CHECK (minutes BETWEEN 1 AND 720),
    noted_by TEXT NOT NULL,
    noted_at TIMESTAMP NOT NULL,
    UNIQUE (enrolment_id, module_code, held_on)
);

CREATE TABLE exam_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    year INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('preparation', 'registration', 'examination', 'list_fixed', 'convened',
        'deliberation', 'sealed', 'published', 'archived')),
    regulation_id TEXT NOT NULL REFERENCES packs (id),
    framework_id TEXT NOT NULL REFERENCES packs (id),
    registration_opens_at TIMESTAMP NOT NULL,
    registration_closes_at TIMESTAMP NOT NULL,
    epreuves_from TEXT NOT NULL,
    epreuves_to TEXT NOT NULL,
    centre_name TEXT NOT NULL,
    centre_uai TEXT,
    list_fixed_at TIMESTAMP,
    publication_at TIMESTAMP,
    published_at TIMESTAMP,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    UNIQUE (academy_code, year)
);

CREATE TABLE required_pieces (
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    code TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (session_id, code)
);

CREATE TABLE registrations (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    rank INTEGER NOT NULL,
    number TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('submitted', 'admitted', 'refused', 'withdrawn')),
    eligibility TEXT NOT NULL CHECK (eligibility IN ('eligible', 'refusal_proposed', 'to_examine')),
    category TEXT,
    corps TEXT NOT NULL,
    status TEXT NOT NULL,
    contract_date TEXT,
    uai TEXT,
    school_name TEXT NOT NULL,
    department TEXT NOT NULL,
    trained BOOLEAN NOT NULL,
    accommodation TEXT,
    source TEXT NOT NULL CHECK (source IN ('import', 'office', 'form')),
    submitted_at TIMESTAMP NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    UNIQUE (session_id, person_id),
    UNIQUE (session_id, rank)
);
CREATE INDEX registrations_person ON registrations (person_id);

CREATE TABLE pieces (
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    code TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('missing', 'received', 'accepted', 'refused')),
    noted_by TEXT NOT NULL,
    noted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (registration_id, code)
);

CREATE TABLE kept_marks (
    id TEXT NOT NULL PRIMARY KEY,
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    epreuve INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    origin_year INTEGER NOT NULL,
    UNIQUE (registration_id, epreuve)
);

CREATE TABLE decisions (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    kind TEXT NOT NULL CHECK (kind IN ('eligibility', 'outcome')),
    rule TEXT NOT NULL,
    law TEXT NOT NULL,
    pack_id TEXT NOT NULL REFERENCES packs (id),
    facts TEXT NOT NULL,
    explanation TEXT NOT NULL,
    proposed TEXT NOT NULL,
    outcome TEXT,
    reasons TEXT,
    proposed_at TIMESTAMP NOT NULL,
    decided_at TIMESTAMP,
    decided_by TEXT,
    decided_by_name TEXT,
    superseded_at TIMESTAMP
);
CREATE INDEX decisions_registration ON decisions (registration_id);
CREATE INDEX decisions_session ON decisions (session_id, kind);

CREATE TABLE juries (
    session_id TEXT NOT NULL PRIMARY KEY REFERENCES exam_sessions (id),
    order_reference TEXT NOT NULL,
    signed_on TEXT NOT NULL,
    signed_by TEXT NOT NULL
);

CREATE TABLE jurors (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    user_id TEXT REFERENCES users (id),
    civility TEXT NOT NULL CHECK (civility IN ('Mme', 'M.')),
    last_name TEXT NOT NULL,
    first_names TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    phone TEXT,
    quality TEXT NOT NULL,
    uai TEXT,
    school_name TEXT,
    is_president BOOLEAN NOT NULL,
    availability TEXT NOT NULL CHECK (availability IN ('unknown', 'available', 'unavailable')),
    sort_key TEXT COLLATE BINARY NOT NULL,
    created_at TIMESTAMP NOT NULL,
    UNIQUE (session_id, email_key)
);
CREATE INDEX jurors_user ON jurors (user_id);

CREATE TABLE commissions (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    label TEXT NOT NULL,
    UNIQUE (session_id, label)
);

CREATE TABLE commission_members (
    commission_id TEXT NOT NULL REFERENCES commissions (id),
    juror_id TEXT NOT NULL REFERENCES jurors (id),
    is_chair BOOLEAN NOT NULL,
    PRIMARY KEY (commission_id, juror_id)
);
CREATE INDEX commission_members_juror ON commission_members (juror_id);

CREATE TABLE conflicts (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    juror_id TEXT NOT NULL REFERENCES jurors (id),
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    kind TEXT NOT NULL CHECK (kind IN ('same_school', 'tutor', 'declared')),
    detail TEXT NOT NULL,
    dismissed_reason TEXT,
    dismissed_by TEXT,
    dismissed_at TIMESTAMP,
    UNIQUE (juror_id, registration_id, kind)
);
CREATE INDEX conflicts_session ON conflicts (session_id);

CREATE TABLE slots (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    epreuve INTEGER NOT NULL,
    commission_id TEXT NOT NULL REFERENCES commissions (id),
    starts_at TIMESTAMP NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    site TEXT NOT NULL,
    uai TEXT,
    room TEXT NOT NULL,
    convoked_at TIMESTAMP,
    version INTEGER NOT NULL DEFAULT 1,
    UNIQUE (registration_id, epreuve)
);
CREATE INDEX slots_session ON slots (session_id, starts_at);
CREATE INDEX slots_commission ON slots (commission_id);

CREATE TABLE evaluations (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    epreuve INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('expected', 'marked', 'absent', 'kept')),
    mark INTEGER CHECK (mark BETWEEN 0 AND 10000),
    origin_year INTEGER,
    appraisal TEXT,
    version INTEGER NOT NULL DEFAULT 1,
    entered_by TEXT,
    entered_by_name TEXT,
    entered_at TIMESTAMP,
    UNIQUE (registration_id, epreuve),
    CHECK ((state IN ('marked', 'kept')) = (mark IS NOT NULL))
);
CREATE INDEX evaluations_session ON evaluations (session_id);

CREATE TABLE evaluation_lines (
    evaluation_id TEXT NOT NULL REFERENCES evaluations (id),
    line_code TEXT NOT NULL,
    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 4),
    PRIMARY KEY (evaluation_id, line_code)
);

CREATE TABLE working_notes (
    evaluation_id TEXT NOT NULL REFERENCES evaluations (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    notes TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    PRIMARY KEY (evaluation_id, user_id)
);

CREATE TABLE deliberations (
    session_id TEXT NOT NULL PRIMARY KEY REFERENCES exam_sessions (id),
    state TEXT NOT NULL CHECK (state IN ('open', 'sealed')),
    opened_at TIMESTAMP NOT NULL,
    opened_by TEXT NOT NULL,
    president_name TEXT NOT NULL,
    sealed_at TIMESTAMP,
    sealed_by TEXT,
    sealed_by_name TEXT,
    seal TEXT,
    reopening_reason TEXT,
    reopening_asked_by TEXT,
    reopening_asked_by_name TEXT,
    reopening_asked_at TIMESTAMP,
    reopenings INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE results (
    registration_id TEXT NOT NULL PRIMARY KEY REFERENCES registrations (id),
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    outcome TEXT NOT NULL CHECK (outcome IN ('admis', 'ajourne', 'absent')),
    explanation TEXT NOT NULL,
    decided_at TIMESTAMP NOT NULL
);
CREATE INDEX results_session ON results (session_id);

CREATE TABLE documents (
    id TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    session_id TEXT REFERENCES exam_sessions (id),
    subject_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL,
    UNIQUE (kind, subject_id)
);
CREATE INDEX documents_sha256 ON documents (sha256);
CREATE INDEX documents_session ON documents (session_id, kind);

CREATE TABLE certificates (
    id TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT NOT NULL REFERENCES academies (code),
    session_id TEXT NOT NULL REFERENCES exam_sessions (id),
    year INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    number TEXT NOT NULL UNIQUE,
    control_key TEXT NOT NULL,
    registration_id TEXT NOT NULL UNIQUE REFERENCES registrations (id),
    person_id TEXT NOT NULL REFERENCES people (id),
    snapshot TEXT NOT NULL,
    snapshot_sha256 TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('valid', 'revoked', 'replaced')),
    state_reason TEXT,
    state_changed_at TIMESTAMP,
    issued_at TIMESTAMP NOT NULL,
    issued_by TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (academy_code, year, rank)
);
CREATE INDEX certificates_person ON certificates (person_id);
CREATE INDEX certificates_session ON certificates (session_id);

CREATE TABLE audit_entries (
    lock_key TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at TIMESTAMP NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    before_hash TEXT,
    after_hash TEXT,
    detail TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (lock_key, seq)
);
CREATE INDEX audit_entries_object ON audit_entries (object_kind, object_id);

CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    academy_code TEXT REFERENCES academies (code),
    session_id TEXT REFERENCES exam_sessions (id),
    kind TEXT NOT NULL,
    dedupe_key TEXT NOT NULL UNIQUE,
    recipient TEXT NOT NULL,
    recipient_name TEXT NOT NULL,
    subject TEXT NOT NULL,
    body_text TEXT NOT NULL,
    body_html TEXT,
    attachments TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMP NOT NULL,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL,
    sent_at TIMESTAMP
);
CREATE INDEX outbox_due ON outbox (state, next_attempt_at);
CREATE INDEX outbox_session ON outbox (session_id);

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    session_id TEXT REFERENCES exam_sessions (id),
    subject_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMP NOT NULL,
    last_error TEXT,
    created_at TIMESTAMP NOT NULL,
    done_at TIMESTAMP,
    UNIQUE (kind, subject_id)
);
CREATE INDEX jobs_due ON jobs (state, next_attempt_at);
