DROP TABLE resumed_drafts;
