//! Recording an answer: everything it gave in one transaction, once for each idempotency key.

mod candidates;
pub(super) mod patterns;
mod relations;

use genesis_core::digest::Digest;
use genesis_core::quality;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use uuid::Uuid;

use super::{Ledger, outbox, validate};
use crate::error::{LedgerError, Result};
use crate::rows;
use crate::types::event::EventBody;
use crate::types::generation::{NewGeneration, Recorded};
use crate::types::learning::LearningRecord;
use candidates::EncodedCandidate;

/// Name space of generation ids.
const GENERATIONS: Uuid = Uuid::from_u128(0x9d8f_0a4e_51c7_5f6b_9a3c_7e1d_2b60_48f5);

impl Ledger {
    /// Commits a generation with its candidates, verdicts, learnings, pattern updates, relations, corpus
    /// entries and events: all of it or nothing. Returns once it is on disk.
    ///
    /// A repeat of the key changes nothing and returns the first result, with `repeated` set; a repeat with
    /// another request is [`LedgerError::KeyReused`]. An adapter whose learnings were reverted may still
    /// answer: until it is champion again its generations are kept and marked, and nothing is learned from them.
    pub async fn record_generation(&self, generation: NewGeneration) -> Result<Recorded> {
        let prepared = Prepared::new(generation)?;
        self.writer().write(move |connection| Box::pin(async move { apply(connection, &prepared).await })).await
    }

    /// What was recorded under `key`, if anything: asked before generating, so that a repeat costs nothing.
    pub async fn find_recorded(&self, tenant: &str, key: &str, request: &Digest) -> Result<Option<Recorded>> {
        let mut connection = self.readers().acquire().await?;
        find(&mut connection, tenant, key, request).await
    }
}

/// Id of the generation with this key: the same on every attempt.
fn generation_id(tenant: &str, key: &str) -> String {
    Uuid::new_v5(&GENERATIONS, format!("{tenant}\n{key}").as_bytes()).to_string()
}

/// A generation that is checked and encoded: done by its caller, so that the writer only writes.
pub(super) struct Prepared {
    given: NewGeneration,
    candidates: Vec<EncodedCandidate>,
    response: String,
}

impl Prepared {
    /// Refuses a generation that contradicts itself.
    pub(super) fn new(given: NewGeneration) -> Result<Self> {
        validate::validate(&given)?;
        let candidates = given.candidates.iter().map(EncodedCandidate::of).collect::<Result<_>>()?;
        let response = rows::to_json(&given.response)?;
        Ok(Self { given, candidates, response })
    }
}

/// A generation that is being written.
struct Draft<'a> {
    given: &'a NewGeneration,
    id: String,
    sequence: i64,
    /// Its adapter was reverted: keep it, learn nothing from it.
    reverted: bool,
}

/// Writes the generation inside the transaction that is open on `connection`.
pub(super) async fn apply(connection: &mut SqliteConnection, prepared: &Prepared) -> Result<Recorded> {
    let given = &prepared.given;
    let reverted = adapter_is_reverted(connection, given).await?;
    let id = generation_id(&given.scope.tenant, &given.idempotency_key);
    let Some(sequence) = insert_generation(connection, prepared, &id, reverted).await? else {
        let first = find(connection, &given.scope.tenant, &given.idempotency_key, &given.request).await?;
        return first.ok_or_else(|| LedgerError::Corrupt(format!("generation {id} is known and cannot be found")));
    };
    let draft = Draft { given, id, sequence, reverted };
    candidates::insert(connection, &draft, &prepared.candidates).await?;
    let mut events = insert_learnings(connection, &draft).await?;
    let mut corpus_added = 0;
    if !reverted {
        corpus_added = insert_corpus(connection, &draft).await?;
        events.extend(patterns::apply(connection, &draft).await?);
        events.extend(relations::apply(connection, &draft).await?);
    }
    events.push(EventBody::GenerationRecorded {
        generation: draft.id.clone(),
        model: given.scope.model.clone(),
        served_name: given.served_name.clone(),
        task: given.task.clone(),
        outcome: given.outcome,
        quality: given.quality.map(|quality| quality.score),
        candidates: given.candidates.len() as u32,
        learnings: given.learnings.len() as u32,
        corpus_added,
    });
    outbox::append(connection, &given.scope.tenant, given.at_ms, &events).await?;
    let watermark = settle(connection, &draft, corpus_added).await?;
    Ok(Recorded {
        generation: draft.id,
        sequence: sequence.cast_unsigned(),
        repeated: false,
        response: given.response.clone(),
        watermark,
        learnings: given.learnings.len() as u32,
        corpus_added,
    })
}

async fn find(
    connection: &mut SqliteConnection,
    tenant: &str,
    key: &str,
    request: &Digest,
) -> Result<Option<Recorded>> {
    let row = sqlx::query(
        "SELECT id, sequence, request, response, watermark, learnings, corpus_added FROM generations \
         WHERE tenant = ?1 AND idempotency_key = ?2",
    )
    .bind(tenant)
    .bind(key)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if rows::parsed::<Digest>(&row, "request")? != *request {
        return Err(LedgerError::KeyReused { key: key.to_owned() });
    }
    Ok(Some(Recorded {
        generation: row.try_get("id")?,
        sequence: rows::unsigned(&row, "sequence")?,
        repeated: true,
        response: rows::json(&row, "response")?,
        watermark: rows::unsigned(&row, "watermark")?,
        learnings: rows::small(&row, "learnings")?,
        corpus_added: rows::small(&row, "corpus_added")?,
    }))
}

async fn adapter_is_reverted(connection: &mut SqliteConnection, given: &NewGeneration) -> Result<bool> {
    let Some(adapter) = &given.adapter else { return Ok(false) };
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM reverted_adapters WHERE tenant = ?1 AND model = ?2 AND adapter = ?3)",
    )
    .bind(&given.scope.tenant)
    .bind(&given.scope.model)
    .bind(adapter.as_str())
    .fetch_one(connection)
    .await?)
}

/// `None` if the key is known.
async fn insert_generation(
    connection: &mut SqliteConnection,
    prepared: &Prepared,
    id: &str,
    reverted: bool,
) -> Result<Option<i64>> {
    let given = &prepared.given;
    let executions = given.candidates.iter().filter(|candidate| candidate.execution.is_some()).count();
    let done = sqlx::query(
        "INSERT INTO generations (id, tenant, model, idempotency_key, request, session, arm, served_name, adapter, \
         task, family, language, prompt, answered, outcome, quality, band, first_sample, executions, learnings, \
         response, reverted, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (tenant, idempotency_key) DO NOTHING",
    )
    .bind(id)
    .bind(&given.scope.tenant)
    .bind(&given.scope.model)
    .bind(&given.idempotency_key)
    .bind(given.request.as_str())
    .bind(given.session.as_deref())
    .bind(given.arm.to_string())
    .bind(&given.served_name)
    .bind(given.adapter.as_ref().map(Digest::as_str))
    .bind(given.task.as_ref().map(|task| task.id.as_str()))
    .bind(given.task.as_ref().map(|task| task.family.as_str()))
    .bind(given.language.to_string())
    .bind(&given.prompt)
    .bind(given.answered)
    .bind(given.outcome.to_string())
    .bind(given.quality.map(|quality| quality.score))
    .bind(given.quality.map(|quality| quality::band(quality.score).to_string()))
    .bind(given.first_sample.to_string())
    .bind(executions as i64)
    .bind(given.learnings.len() as i64)
    .bind(&prepared.response)
    .bind(reverted)
    .bind(given.at_ms)
    .execute(connection)
    .await?;
    Ok((done.rows_affected() == 1).then(|| done.last_insert_rowid()))
}

async fn insert_learnings(connection: &mut SqliteConnection, draft: &Draft<'_>) -> Result<Vec<EventBody>> {
    let given = draft.given;
    if given.learnings.is_empty() {
        return Ok(Vec::new());
    }
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO learnings (tenant, model, kind, detail, generation, position, reverted, at_ms) ",
    );
    insert.push_values(&given.learnings, |mut row, learning| {
        row.push_bind(&given.scope.tenant)
            .push_bind(&given.scope.model)
            .push_bind(learning.lesson.kind.to_string())
            .push_bind(&learning.lesson.detail)
            .push_bind(draft.sequence)
            .push_bind(i64::from(learning.candidate))
            .push_bind(draft.reverted)
            .push_bind(given.at_ms);
    });
    let last = insert.build().execute(connection).await?.last_insert_rowid();
    // One statement of the only writer: its rows have consecutive numbers that end with the last.
    let first = last - given.learnings.len() as i64 + 1;
    let captured = given.learnings.iter().zip(first..).map(|(learning, sequence)| {
        let candidate = given.candidates.get(learning.candidate as usize);
        EventBody::LearningCaptured {
            learning: Box::new(LearningRecord {
                sequence: sequence.cast_unsigned(),
                model: given.scope.model.clone(),
                lesson: learning.lesson.clone(),
                task: given.task.clone(),
                generation: draft.id.clone(),
                candidate: learning.candidate,
                execution: candidate.and_then(|candidate| candidate.execution.as_ref()).map(|record| record.id.clone()),
                served_name: given.served_name.clone(),
                adapter: given.adapter.clone(),
                reverted: draft.reverted,
                at_ms: given.at_ms,
            }),
        }
    });
    Ok(captured.collect())
}

/// Adds the verified answers that the corpus does not hold yet; returns how many.
async fn insert_corpus(connection: &mut SqliteConnection, draft: &Draft<'_>) -> Result<u32> {
    let Some(task) = &draft.given.task else { return Ok(0) };
    let entering: Vec<_> =
        draft.given.candidates.iter().enumerate().filter(|(_, candidate)| candidate.enters_corpus).collect();
    if entering.is_empty() {
        return Ok(0);
    }
    let mut insert =
        QueryBuilder::<Sqlite>::new("INSERT INTO corpus (tenant, model, task, normalised, generation, position) ");
    insert.push_values(entering, |mut row, (position, candidate)| {
        row.push_bind(&draft.given.scope.tenant)
            .push_bind(&draft.given.scope.model)
            .push_bind(&task.id)
            .push_bind(candidate.normalised.as_str())
            .push_bind(draft.sequence)
            .push_bind(position as i64);
    });
    insert.push(" ON CONFLICT DO NOTHING");
    Ok(insert.build().execute(connection).await?.rows_affected() as u32)
}

/// Keeps with the generation what a repeat of its key is told. Returns the model's watermark.
async fn settle(connection: &mut SqliteConnection, draft: &Draft<'_>, corpus_added: u32) -> Result<u64> {
    let row = sqlx::query(
        "UPDATE generations SET corpus_added = ?1, watermark = \
         (SELECT COALESCE(MAX(sequence), 0) FROM learnings WHERE tenant = ?2 AND model = ?3) \
         WHERE sequence = ?4 RETURNING watermark",
    )
    .bind(corpus_added)
    .bind(&draft.given.scope.tenant)
    .bind(&draft.given.scope.model)
    .bind(draft.sequence)
    .fetch_one(connection)
    .await?;
    rows::unsigned(&row, "watermark")
}
