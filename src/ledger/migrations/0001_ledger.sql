-- The system of record. Every table carries the tenant; every time is milliseconds since the Unix epoch.
-- Sequences are AUTOINCREMENT: a number once given is never given again, not even after a rollback of rows.

CREATE TABLE generations (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT    NOT NULL UNIQUE,
    tenant          TEXT    NOT NULL,
    model           TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    request         TEXT    NOT NULL,
    session         TEXT,
    arm             TEXT    NOT NULL CHECK (arm IN ('stable', 'canary')),
    served_name     TEXT    NOT NULL,
    adapter         TEXT,
    task            TEXT,
    family          TEXT,
    language        TEXT    NOT NULL,
    prompt          TEXT    NOT NULL,
    answered        INTEGER,
    outcome         TEXT    NOT NULL CHECK (outcome IN ('pass', 'fail', 'infra', 'unverified')),
    quality         REAL    CHECK (quality BETWEEN 0 AND 1),
    band            TEXT,
    first_sample    TEXT    NOT NULL CHECK (first_sample IN ('pass', 'fail', 'infra', 'unverified')),
    executions      INTEGER NOT NULL,
    learnings       INTEGER NOT NULL,
    corpus_added    INTEGER NOT NULL DEFAULT 0,
    watermark       INTEGER NOT NULL DEFAULT 0,
    response        TEXT    NOT NULL,
    reverted        INTEGER NOT NULL DEFAULT 0,
    at_ms           INTEGER NOT NULL,
    UNIQUE (tenant, idempotency_key),
    CHECK ((task IS NULL) = (family IS NULL)),
    CHECK ((outcome = 'infra') = (quality IS NULL)),
    CHECK ((quality IS NULL) = (band IS NULL))
) STRICT;
CREATE INDEX generations_by_model ON generations (tenant, model, sequence, outcome, quality, band, executions);
CREATE INDEX generations_by_time ON generations (tenant, model, at_ms);
CREATE INDEX generations_by_adapter ON generations (tenant, model, adapter) WHERE adapter IS NOT NULL;

CREATE TABLE candidates (
    generation        INTEGER NOT NULL REFERENCES generations (sequence),
    position          INTEGER NOT NULL,
    tenant            TEXT    NOT NULL,
    pathway           TEXT    NOT NULL CHECK (pathway IN ('analytical', 'creative', 'fusion')),
    completion        TEXT    NOT NULL,
    source            TEXT    NOT NULL,
    normalised        TEXT    NOT NULL,
    patterns_shown    TEXT    NOT NULL,
    patterns_withheld TEXT    NOT NULL,
    gate_passed       INTEGER NOT NULL,
    gate              TEXT    NOT NULL,
    execution_id      TEXT,
    execution         TEXT,
    outcome           TEXT    NOT NULL CHECK (outcome IN ('pass', 'fail', 'infra', 'unverified')),
    quality           REAL    CHECK (quality BETWEEN 0 AND 1),
    enters_corpus     INTEGER NOT NULL,
    PRIMARY KEY (generation, position),
    CHECK ((execution_id IS NULL) = (execution IS NULL)),
    CHECK (enters_corpus = 0 OR (outcome = 'pass' AND execution_id IS NOT NULL))
) STRICT;
CREATE INDEX candidates_verified ON candidates (tenant, normalised) WHERE enters_corpus = 1;

-- The sequence is the watermark by which training knows what is new.
CREATE TABLE learnings (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    reverted   INTEGER NOT NULL DEFAULT 0,
    at_ms      INTEGER NOT NULL,
    FOREIGN KEY (generation, position) REFERENCES candidates (generation, position)
) STRICT;
CREATE INDEX learnings_by_model ON learnings (tenant, model, sequence, reverted);
CREATE INDEX learnings_by_generation ON learnings (generation);

-- Verified answers, one row for each distinct answer to a task.
CREATE TABLE corpus (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    task       TEXT    NOT NULL,
    normalised TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    reverted   INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (generation, position) REFERENCES candidates (generation, position)
) STRICT;
CREATE UNIQUE INDEX corpus_distinct ON corpus (tenant, model, task, normalised) WHERE reverted = 0;
CREATE INDEX corpus_by_generation ON corpus (generation);

-- A pattern's standing: the fold of its uses in order.
CREATE TABLE patterns (
    tenant             TEXT    NOT NULL,
    id                 TEXT    NOT NULL,
    model              TEXT    NOT NULL,
    version            INTEGER NOT NULL,
    revision           INTEGER NOT NULL DEFAULT 1,
    confidence         REAL    NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    shown_successes    REAL    NOT NULL,
    shown_failures     REAL    NOT NULL,
    withheld_successes REAL    NOT NULL,
    withheld_failures  REAL    NOT NULL,
    uses               INTEGER NOT NULL,
    successes          INTEGER NOT NULL,
    verified_tasks     INTEGER NOT NULL,
    retired            INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX patterns_by_confidence ON patterns (tenant, retired, confidence);

CREATE TABLE pattern_versions (
    tenant     TEXT    NOT NULL,
    pattern    TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    title      TEXT    NOT NULL,
    prompt     TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    reverted   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, pattern, version),
    FOREIGN KEY (tenant, pattern) REFERENCES patterns (tenant, id),
    FOREIGN KEY (generation, position) REFERENCES candidates (generation, position)
) STRICT;
CREATE INDEX pattern_versions_by_generation ON pattern_versions (generation);

CREATE TABLE pattern_uses (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT    NOT NULL,
    pattern    TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    exposure   TEXT    NOT NULL CHECK (exposure IN ('shown', 'withheld')),
    propensity REAL    NOT NULL CHECK (propensity > 0 AND propensity <= 1),
    in_context INTEGER NOT NULL,
    outcome    TEXT    NOT NULL CHECK (outcome IN ('pass', 'fail', 'unverified')),
    quality    REAL    NOT NULL CHECK (quality BETWEEN 0 AND 1),
    reverted   INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (tenant, pattern) REFERENCES patterns (tenant, id),
    FOREIGN KEY (generation, position) REFERENCES candidates (generation, position)
) STRICT;
CREATE INDEX pattern_uses_by_pattern ON pattern_uses (tenant, pattern, sequence);
CREATE INDEX pattern_uses_by_generation ON pattern_uses (generation);

-- Distinct tasks that verified a pattern: the one that earned it, and those on which it was shown and passed.
CREATE TABLE pattern_tasks (
    tenant  TEXT NOT NULL,
    pattern TEXT NOT NULL,
    task    TEXT NOT NULL,
    PRIMARY KEY (tenant, pattern, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE relations (
    tenant       TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    target       TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    observations INTEGER NOT NULL CHECK (observations >= 0),
    PRIMARY KEY (tenant, source, target, kind),
    FOREIGN KEY (tenant, source) REFERENCES patterns (tenant, id),
    FOREIGN KEY (tenant, target) REFERENCES patterns (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE relation_observations (
    generation INTEGER NOT NULL REFERENCES generations (sequence),
    tenant     TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    reverted   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX relation_observations_by_generation ON relation_observations (generation);

-- Adapters whose learnings were taken back: what they earn afterwards is kept, but never learned from.
CREATE TABLE reverted_adapters (
    tenant  TEXT    NOT NULL,
    model   TEXT    NOT NULL,
    adapter TEXT    NOT NULL,
    at_ms   INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, adapter)
) STRICT, WITHOUT ROWID;

CREATE TABLE datasets (
    tenant       TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    recipe       TEXT    NOT NULL,
    seed         TEXT    NOT NULL,
    max_per_task INTEGER NOT NULL,
    -- Up to which learning it was allowed to look; null: all.
    watermark    INTEGER,
    snapshot     TEXT    NOT NULL,
    at_ms        INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, name)
) STRICT;

CREATE TABLE adapters (
    tenant       TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    digest       TEXT    NOT NULL,
    uri          TEXT    NOT NULL,
    training_run TEXT    NOT NULL,
    dataset      TEXT,
    at_ms        INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, digest)
) STRICT;

CREATE TABLE evaluations (
    tenant    TEXT    NOT NULL,
    model     TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    candidate TEXT    NOT NULL,
    champion  TEXT,
    verdict   TEXT    NOT NULL CHECK (verdict IN ('Pass', 'Fail', 'Inconclusive')),
    report    TEXT    NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, name)
) STRICT;

CREATE TABLE promotions (
    tenant   TEXT    NOT NULL,
    model    TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    phase    TEXT    NOT NULL CHECK (phase IN ('Promoted', 'RolledBack')),
    adapter  TEXT,
    previous TEXT,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, name, phase)
) STRICT;

CREATE TABLE training (
    tenant        TEXT    NOT NULL,
    model         TEXT    NOT NULL,
    watermark     INTEGER NOT NULL,
    trained_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, model)
) STRICT;

-- What happened, in the order of commits. Projections are derived from this and nothing else.
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant   TEXT    NOT NULL,
    at_ms    INTEGER NOT NULL,
    body     TEXT    NOT NULL
) STRICT;
CREATE INDEX outbox_by_tenant ON outbox (tenant, sequence);
