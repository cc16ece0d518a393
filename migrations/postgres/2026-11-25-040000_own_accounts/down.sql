DROP TABLE corrections;
DROP TABLE passkey_challenges;
DROP TABLE passkeys;
DROP TABLE address_changes;
DROP TABLE account_requests;
