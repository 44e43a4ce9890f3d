-- A reference's field carries the type of the row that refers, as `instance.hostId`: the one subnet of a
-- network is not to be looked for among all the addresses there.
DELETE FROM reference WHERE id NOT IN (SELECT id FROM resource);
UPDATE reference SET field = (SELECT type FROM resource WHERE resource.id = reference.id) || '.' || field;
