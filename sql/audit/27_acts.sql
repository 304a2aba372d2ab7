-- Who did what by page, API or command, and who looked at content.
CREATE OR REPLACE VIEW outbox_audit.acts AS
SELECT r.id AS act_id, r.at, r.who, r.via, r.act, r.object, r.business_units, r.detail, r.address
FROM outbox.access_record r;
COMMENT ON VIEW outbox_audit.acts IS
  'Who did what by page, API or command, and who looked at content: sign-ins, looks, replays, changes of users and tokens. Filter by at; page by at and act_id. What changed of a connector stands in config_changes.';
COMMENT ON COLUMN outbox_audit.acts.act_id IS 'Its number.';
COMMENT ON COLUMN outbox_audit.acts.at IS 'When.';
COMMENT ON COLUMN outbox_audit.acts.who IS 'Who: the user''s or the token''s name, of a command whom --as named; nobody where sign-in was refused.';
COMMENT ON COLUMN outbox_audit.acts.via IS 'By which way: page, api or command.';
COMMENT ON COLUMN outbox_audit.acts.act IS 'In words: signed in, sign-in refused, looked, asked, replayed, ...';
COMMENT ON COLUMN outbox_audit.acts.object IS 'What it was done to, such as delivery 12/3 or connector ''crm''.';
COMMENT ON COLUMN outbox_audit.acts.business_units IS 'Whose it is, or to whom the asker was limited; NULL: nobody''s, or all''s.';
COMMENT ON COLUMN outbox_audit.acts.detail IS 'What else was kept; never a secret, never content.';
COMMENT ON COLUMN outbox_audit.acts.address IS 'From where, as the server saw it.';
