-- A candidature withdrawn and posted again within its session: the file keeps its place, and the draft it is taken up
-- from is remembered, so that the same form sent twice has one answer.
CREATE TABLE resumed_drafts (
    draft_id TEXT NOT NULL PRIMARY KEY,
    registration_id TEXT NOT NULL REFERENCES registrations (id),
    resumed_at TIMESTAMP NOT NULL
);
CREATE INDEX resumed_drafts_registration ON resumed_drafts (registration_id);
