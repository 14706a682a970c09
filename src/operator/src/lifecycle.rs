//! What TrainingRuns and Evaluations have in common: they can be held, they end, and their Jobs go a while later.

use std::time::Duration;

use genesis_api::conditions::{ConditionType, Conditions, TrainingRunReason as Reason, find, is_true};
use genesis_api::names::MODEL_LABEL;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};

use crate::apply::{Object, Writer, is_owned_by};
use crate::context::Context;
use crate::error::{Error, observing};

/// From when its deadline counts: from the first look, later by the time that it was held.
///
/// Since when it is held stands in its condition, which changes in the same write: the time is added once.
pub(crate) fn start(start: Option<Timestamp>, conditions: &[Condition], held: bool, now: Timestamp) -> Timestamp {
    let start = start.unwrap_or(now);
    if held || !is_true(conditions, ConditionType::Suspended) {
        return start;
    }
    let since = find(conditions, ConditionType::Suspended).map_or(now, |condition| condition.last_transition_time.0);
    let held = SignedDuration::from_millis((now.as_millisecond() - since.max(start).as_millisecond()).max(0));
    start.checked_add(held).unwrap_or(now).min(now)
}

/// Where an object stands, as far as both kinds say it with the same conditions.
pub(crate) enum Course<'a> {
    /// It is held.
    Held(&'a str),
    /// It has not ended.
    UnderWay,
    /// It ended well, with a reason and a sentence.
    Complete(&'static str, &'a str),
    /// It ended badly, with a reason and a sentence.
    Failed(&'static str, &'a str),
}

/// Sets Suspended, Complete and Failed.
pub(crate) fn describe(list: &mut Vec<Condition>, generation: Option<i64>, course: &Course<'_>, now: Timestamp) {
    let not_held = <&str>::from(Reason::NotSuspended);
    let held_before = find(list, ConditionType::Suspended).is_some_and(|found| found.reason != not_held);
    let mut conditions = Conditions::edit(list, generation, now);
    match course {
        Course::Held(why) => conditions.set(ConditionType::Suspended, true, Reason::Suspended, *why),
        _ if held_before => conditions.set(ConditionType::Suspended, false, Reason::Resumed, ""),
        _ => conditions.set(ConditionType::Suspended, false, Reason::NotSuspended, ""),
    }
    match course {
        Course::Complete(reason, message) => {
            conditions.set(ConditionType::Complete, true, *reason, *message);
            conditions.set(ConditionType::Failed, false, Reason::NotFailed, "");
        }
        Course::Failed(reason, why) => {
            conditions.set(ConditionType::Complete, false, Reason::HasFailed, "");
            conditions.set(ConditionType::Failed, true, *reason, *why);
        }
        Course::Held(_) | Course::UnderWay => {
            conditions.set(ConditionType::Complete, false, Reason::InProgress, "");
            conditions.set(ConditionType::Failed, false, Reason::NotFailed, "");
        }
    }
}

/// Deletes the Jobs of an object that has ended, when their time is over.
///
/// The Jobs themselves carry no time to live: one that were collected before its end was seen would be made again.
pub(crate) async fn collect<K: Object>(
    ctx: &Context,
    object: &K,
    model: &str,
    ended: Option<Timestamp>,
    ttl_seconds: Option<i32>,
) -> Result<Action, Error> {
    let Some(left) = time_left(ended, ttl_seconds, ctx.now()) else { return Ok(Action::await_change()) };
    if !left.is_zero() {
        return Ok(Action::requeue(left));
    }
    let (namespace, uid) = (object.namespace().unwrap_or_default(), object.uid());
    let params = ListParams::default().labels(&format!("{MODEL_LABEL}={model}"));
    let jobs = Api::<Job>::namespaced(ctx.client.clone(), &namespace).list(&params).await;
    for job in jobs.map_err(observing("listing Jobs"))?.iter().filter(|job| is_owned_by(*job, uid.as_deref())) {
        Writer(&ctx.client).delete::<Job>("deleting an old Job", &namespace, &job.name_any()).await?;
    }
    Ok(Action::await_change())
}

/// How long the Jobs stay; nothing where they stay with their owner.
fn time_left(ended: Option<Timestamp>, ttl_seconds: Option<i32>, now: Timestamp) -> Option<Duration> {
    let due = ended?.as_millisecond() + i64::from(ttl_seconds?) * 1_000;
    Some(Duration::from_millis(u64::try_from(due - now.as_millisecond()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::at;

    #[test]
    fn time_that_it_was_held_does_not_count() {
        let mut conditions = Vec::new();
        describe(&mut conditions, None, &Course::UnderWay, at(0));
        assert_eq!(start(None, &conditions, false, at(5)), at(5));
        assert_eq!(start(Some(at(0)), &conditions, false, at(5)), at(0));
        describe(&mut conditions, None, &Course::Held("spec.suspend holds it"), at(10));
        assert_eq!(start(Some(at(0)), &conditions, true, at(500)), at(0), "it is still held");
        assert_eq!(start(Some(at(0)), &conditions, false, at(510)), at(500));
        describe(&mut conditions, None, &Course::UnderWay, at(510));
        assert_eq!(start(Some(at(500)), &conditions, false, at(511)), at(500), "it is added once");
    }

    #[test]
    fn jobs_stay_until_their_time_is_over() {
        assert_eq!((time_left(Some(at(0)), None, at(9)), time_left(None, Some(1), at(9))), (None, None));
        assert_eq!(time_left(Some(at(0)), Some(10), at(9)), Some(Duration::from_secs(1)));
        assert_eq!(time_left(Some(at(0)), Some(10), at(11)), Some(Duration::ZERO));
    }
}
