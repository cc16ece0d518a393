DROP TABLE column_mappings;
DROP TABLE import_drafts;
DROP TABLE schools;
