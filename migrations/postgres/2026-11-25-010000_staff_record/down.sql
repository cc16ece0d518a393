DROP INDEX postings_academy;
DROP TABLE handovers;
DROP TABLE equivalences;
DROP TABLE earlier_marks;
DROP TABLE earlier_certificates;
DROP TABLE signed_letters;
DROP TABLE mission_shares;
DROP TABLE mission_letters;
CREATE TABLE activities_before (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id),
    framework_id TEXT NOT NULL REFERENCES packs (id),
    item_code TEXT NOT NULL,
    since TEXT NOT NULL,
    UNIQUE (person_id, framework_id, item_code)
);
INSERT INTO activities_before (id, person_id, framework_id, item_code, since)
SELECT MIN(id), person_id, framework_id, item_code, MIN(since) FROM exercised_activities
GROUP BY person_id, framework_id, item_code;
DROP TABLE exercised_activities;
ALTER TABLE activities_before RENAME TO exercised_activities;
ALTER TABLE postings DROP COLUMN certificate_by;
ALTER TABLE postings DROP COLUMN requires_certificate;
DROP TABLE career_lines;
DROP TABLE numens;
DROP TABLE former_names;
