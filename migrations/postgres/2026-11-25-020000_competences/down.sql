DROP TABLE competence_targets;
DROP INDEX evidence_corrects;
ALTER TABLE evidence DROP COLUMN author_id;
ALTER TABLE evidence DROP COLUMN corrects;
ALTER TABLE evidence DROP COLUMN comment;
DROP TABLE framework_drafts;
DROP TABLE framework_mappings;
