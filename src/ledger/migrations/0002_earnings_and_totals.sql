-- Objects of the Kubernetes API are known by name and uid: an object that is deleted and made again is another one.
-- Datasets of before keep their name and get no uid; nothing was ever written to the other two tables.
CREATE TABLE datasets_with_uid (
    tenant       TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    uid          TEXT    NOT NULL,
    recipe       TEXT    NOT NULL,
    seed         TEXT    NOT NULL,
    max_per_task INTEGER NOT NULL,
    -- Up to which learning it was allowed to look; null: all.
    watermark    INTEGER,
    snapshot     TEXT    NOT NULL,
    at_ms        INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, name, uid)
) STRICT;
INSERT INTO datasets_with_uid
    SELECT tenant, model, name, '', recipe, seed, max_per_task, watermark, snapshot, at_ms FROM datasets;
DROP TABLE datasets;
ALTER TABLE datasets_with_uid RENAME TO datasets;

DROP TABLE evaluations;
CREATE TABLE evaluations (
    tenant    TEXT    NOT NULL,
    model     TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    uid       TEXT    NOT NULL,
    candidate TEXT    NOT NULL,
    champion  TEXT,
    verdict   TEXT    NOT NULL CHECK (verdict IN ('Pass', 'Fail', 'Inconclusive')),
    report    TEXT    NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, name, uid)
) STRICT;

DROP TABLE promotions;
CREATE TABLE promotions (
    tenant   TEXT    NOT NULL,
    model    TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    uid      TEXT    NOT NULL,
    change   TEXT    NOT NULL CHECK (change IN ('Promoted', 'Pinned', 'RolledBack')),
    adapter  TEXT,
    previous TEXT,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, name, uid, change)
) STRICT;

-- The watermark of the last training is in the GenesisModel's status and nowhere else.
DROP TABLE training;

-- Every generation that earned a version of a pattern. A version stands while one of them does; its row names the
-- first of those.
CREATE TABLE pattern_earnings (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT    NOT NULL,
    pattern    TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    reverted   INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (tenant, pattern, version) REFERENCES pattern_versions (tenant, pattern, version),
    FOREIGN KEY (generation, position) REFERENCES candidates (generation, position)
) STRICT;
CREATE INDEX pattern_earnings_by_pattern ON pattern_earnings (tenant, pattern, version, reverted);
CREATE INDEX pattern_earnings_by_generation ON pattern_earnings (generation);
INSERT INTO pattern_earnings (tenant, pattern, version, generation, position, reverted)
    SELECT tenant, pattern, version, generation, position, reverted FROM pattern_versions ORDER BY generation;
CREATE INDEX patterns_by_model ON patterns (tenant, model, retired, confidence);

-- The newest tested answers are found without reading the untested ones between them.
CREATE INDEX generations_tested ON generations (tenant, model, sequence, quality)
    WHERE outcome IN ('pass', 'fail') AND reverted = 0;

-- Sums that are asked for at every scrape, kept as the rows come in.
CREATE TABLE served_totals (
    tenant      TEXT    NOT NULL,
    model       TEXT    NOT NULL,
    served_name TEXT    NOT NULL,
    generations INTEGER NOT NULL,
    passed      INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    unverified  INTEGER NOT NULL,
    infra       INTEGER NOT NULL,
    quality_sum REAL    NOT NULL,
    excellent   INTEGER NOT NULL,
    good        INTEGER NOT NULL,
    acceptable  INTEGER NOT NULL,
    poor        INTEGER NOT NULL,
    executions  INTEGER NOT NULL,
    PRIMARY KEY (tenant, model, served_name)
) STRICT, WITHOUT ROWID;
INSERT INTO served_totals
    SELECT tenant, model, served_name, COUNT(*), SUM(outcome = 'pass'), SUM(outcome = 'fail'),
        SUM(outcome = 'unverified'), SUM(outcome = 'infra'), TOTAL(quality), COALESCE(SUM(band = 'excellent'), 0),
        COALESCE(SUM(band = 'good'), 0), COALESCE(SUM(band = 'acceptable'), 0), COALESCE(SUM(band = 'poor'), 0),
        SUM(executions)
    FROM generations GROUP BY tenant, model, served_name;
CREATE TRIGGER generation_counted AFTER INSERT ON generations BEGIN
    INSERT INTO served_totals VALUES (
        NEW.tenant, NEW.model, NEW.served_name, 1, NEW.outcome = 'pass', NEW.outcome = 'fail',
        NEW.outcome = 'unverified', NEW.outcome = 'infra', COALESCE(NEW.quality, 0.0), COALESCE(NEW.band = 'excellent', 0),
        COALESCE(NEW.band = 'good', 0), COALESCE(NEW.band = 'acceptable', 0), COALESCE(NEW.band = 'poor', 0),
        NEW.executions
    ) ON CONFLICT (tenant, model, served_name) DO UPDATE SET
        generations = generations + 1, passed = passed + excluded.passed, failed = failed + excluded.failed,
        unverified = unverified + excluded.unverified, infra = infra + excluded.infra,
        quality_sum = quality_sum + excluded.quality_sum, excellent = excellent + excluded.excellent,
        good = good + excluded.good, acceptable = acceptable + excluded.acceptable, poor = poor + excluded.poor,
        executions = executions + excluded.executions;
END;

CREATE TABLE learned_totals (
    tenant    TEXT    NOT NULL,
    model     TEXT    NOT NULL,
    learnings INTEGER NOT NULL,
    reverted  INTEGER NOT NULL,
    corpus    INTEGER NOT NULL,
    PRIMARY KEY (tenant, model)
) STRICT, WITHOUT ROWID;
INSERT INTO learned_totals
    SELECT tenant, model, SUM(learnings), SUM(reverted), SUM(corpus) FROM (
        SELECT tenant, model, reverted = 0 AS learnings, reverted, 0 AS corpus FROM learnings
        UNION ALL SELECT tenant, model, 0, 0, reverted = 0 FROM corpus
    ) GROUP BY tenant, model;
CREATE TRIGGER learning_counted AFTER INSERT ON learnings BEGIN
    INSERT INTO learned_totals VALUES (NEW.tenant, NEW.model, 1 - NEW.reverted, NEW.reverted, 0)
    ON CONFLICT (tenant, model) DO UPDATE SET
        learnings = learnings + excluded.learnings, reverted = reverted + excluded.reverted;
END;
CREATE TRIGGER learning_marked AFTER UPDATE OF reverted ON learnings BEGIN
    UPDATE learned_totals SET
        learnings = learnings + OLD.reverted - NEW.reverted, reverted = reverted + NEW.reverted - OLD.reverted
        WHERE tenant = NEW.tenant AND model = NEW.model;
END;
CREATE TRIGGER corpus_counted AFTER INSERT ON corpus BEGIN
    INSERT INTO learned_totals VALUES (NEW.tenant, NEW.model, 0, 0, 1 - NEW.reverted)
    ON CONFLICT (tenant, model) DO UPDATE SET corpus = corpus + excluded.corpus;
END;
CREATE TRIGGER corpus_marked AFTER UPDATE OF reverted ON corpus BEGIN
    UPDATE learned_totals SET corpus = corpus + OLD.reverted - NEW.reverted
        WHERE tenant = NEW.tenant AND model = NEW.model;
END;
