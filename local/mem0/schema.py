"""The tables of the stand-in's one SQLite file; nothing here runs.

The words index keeps no copy of the text: it reads it from ``memories`` and is kept in step by triggers.
Vectors have a table of their own, so that walking a caller's memories does not read a kilobyte more for each.
"""

from typing import Final

from local.mem0.words import TOKENIZER

FILE_NAME: Final = "mem0.sqlite3"

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS memories (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, memory TEXT NOT NULL, owner TEXT NOT NULL,
    user_id TEXT, agent_id TEXT, app_id TEXT, run_id TEXT,
    metadata TEXT NOT NULL, categories TEXT NOT NULL, hash TEXT NOT NULL, sentence_key TEXT,
    expiration_date TEXT, created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS memories_of_user ON memories (user_id, created_at, expiration_date);
CREATE INDEX IF NOT EXISTS sentences_of_user
    ON memories (user_id, sentence_key) WHERE sentence_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS vectors (row INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words
    USING fts5(owner, memory, content='memories', content_rowid='row', tokenize='TOKENIZER');
CREATE VIRTUAL TABLE IF NOT EXISTS words_vocabulary USING fts5vocab('words', 'row');
CREATE TRIGGER IF NOT EXISTS memory_added AFTER INSERT ON memories BEGIN
    INSERT INTO words (rowid, owner, memory) VALUES (new.row, new.owner, new.memory);
END;
CREATE TRIGGER IF NOT EXISTS memory_removed AFTER DELETE ON memories BEGIN
    INSERT INTO words (words, rowid, owner, memory) VALUES ('delete', old.row, old.owner, old.memory);
    DELETE FROM vectors WHERE row = old.row;
END;
CREATE TRIGGER IF NOT EXISTS memory_changed AFTER UPDATE OF memory ON memories BEGIN
    INSERT INTO words (words, rowid, owner, memory) VALUES ('delete', old.row, old.owner, old.memory);
    INSERT INTO words (rowid, owner, memory) VALUES (new.row, new.owner, new.memory);
END;
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY, event_type TEXT NOT NULL, status TEXT NOT NULL, payload TEXT NOT NULL,
    results TEXT NOT NULL, error TEXT, created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_status ON events (status, created_at);
""".replace("TOKENIZER", TOKENIZER)
