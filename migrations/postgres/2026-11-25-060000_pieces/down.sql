ALTER TABLE outbox DROP COLUMN read_at;
ALTER TABLE outbox DROP COLUMN bounce_reason;
ALTER TABLE outbox DROP COLUMN bounce_status;
ALTER TABLE outbox DROP COLUMN bounced_at;
DROP TABLE piece_files;
