-- Accounts that people open themselves, their passkeys, their change of address, and the corrections they ask for.

CREATE TABLE account_requests (
    token_hash TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);
CREATE INDEX account_requests_by_end ON account_requests (expires_at);

CREATE TABLE address_changes (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    old_email TEXT NOT NULL,
    new_email TEXT NOT NULL,
    new_email_key TEXT NOT NULL,
    confirm_hash TEXT NOT NULL UNIQUE,
    cancel_hash TEXT NOT NULL UNIQUE,
    asked_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    confirmed_at TIMESTAMP
);

CREATE TABLE passkeys (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    credential_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    credential TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);
CREATE INDEX passkeys_user ON passkeys (user_id);

CREATE TABLE passkey_challenges (
    token_hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT REFERENCES users (id),
    state TEXT NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX passkey_challenges_by_end ON passkey_challenges (expires_at);

CREATE TABLE corrections (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    academy_code TEXT NOT NULL REFERENCES academies (code),
    field TEXT NOT NULL CHECK (field IN ('civility', 'birth_name', 'usage_name', 'first_names', 'birth_date',
        'birth_place', 'phone')),
    present TEXT NOT NULL,
    proposed TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('asked', 'accepted', 'refused')),
    asked_by TEXT NOT NULL REFERENCES users (id),
    asked_at TIMESTAMP NOT NULL,
    answer TEXT,
    answered_by TEXT,
    answered_by_name TEXT,
    answered_at TIMESTAMP,
    version INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX corrections_academy ON corrections (academy_code, state, asked_at);
CREATE INDEX corrections_person ON corrections (person_id);
