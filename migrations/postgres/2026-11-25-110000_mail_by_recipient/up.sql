-- Whoever opens their page is asked for at each sight of it: the mails of one address must not be looked for among all.
CREATE INDEX outbox_recipient ON outbox (recipient, state);
