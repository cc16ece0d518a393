DROP TABLE message_files;
DROP TABLE messages;
DROP TABLE kept_mark_claims;
DROP TABLE action_plans;
DROP TABLE yearly_registrations;
DROP TABLE identity_checks;
DROP TABLE person_identities;
DROP TABLE drafts;
