-- The highest number of a leader that has written: one that has lost the lead since writes nothing any more.
CREATE TABLE fences (
    holder TEXT    NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
