//! Conditions and their reasons, as enums: a typing error in a reason is a compile error.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

mod reasons;

pub use reasons::{EvaluationReason, ModelReason, RolloutReason, TrainingRunReason};

/// The types of all conditions of the four kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
pub enum ConditionType {
    /// GenesisModel: it answers.
    Ready,
    /// GenesisModel: the current adapter is proved on every ready replica.
    AdapterLoaded,
    /// GenesisModel: the loop is at work; the reason says at what, or why not.
    LoopActive,
    /// TrainingRun, Evaluation: ended well.
    Complete,
    /// TrainingRun, Evaluation: ended badly.
    Failed,
    /// TrainingRun, Evaluation: held by `spec.suspend`.
    Suspended,
    /// Evaluation: the candidate is better.
    Passed,
    /// Rollout: going through its steps.
    Progressing,
    /// Rollout: held.
    Paused,
    /// Rollout: the candidate has earned all traffic.
    Promoted,
    /// Rollout: ended; `status.completionStatus` says how.
    Completed,
    /// All: present while the status lags behind the spec.
    Reconciling,
    /// All: present while nothing can be done without a person.
    Stalled,
}

/// The three states of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Not known yet.
    Unknown,
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Sets conditions of one object as seen at one generation and time.
#[derive(Debug)]
pub struct Conditions<'a> {
    list: &'a mut Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
}

impl<'a> Conditions<'a> {
    /// Edits `list` in place.
    pub fn edit(list: &'a mut Vec<Condition>, generation: Option<i64>, now: Timestamp) -> Self {
        Self { list, generation, now }
    }

    /// Sets one condition. Its time moves only when its status does.
    pub fn set(
        &mut self,
        kind: ConditionType,
        status: impl Into<ConditionStatus>,
        reason: impl Into<&'static str>,
        message: impl Into<String>,
    ) {
        let status = status.into().to_string();
        let before = self.list.iter().position(|condition| condition.type_ == <&str>::from(kind));
        let since = before
            .map(|index| &self.list[index])
            .filter(|condition| condition.status == status)
            .map_or(Time(self.now), |condition| condition.last_transition_time.clone());
        let condition = Condition {
            type_: kind.to_string(),
            status,
            reason: reason.into().to_owned(),
            message: message.into(),
            observed_generation: self.generation,
            last_transition_time: since,
        };
        match before {
            Some(index) => self.list[index] = condition,
            None => self.list.push(condition),
        }
    }

    /// Sets a condition that is present only while it holds (`Reconciling`, `Stalled`).
    pub fn set_or_clear(&mut self, kind: ConditionType, holds: Option<(&'static str, String)>) {
        match holds {
            Some((reason, message)) => self.set(kind, true, reason, message),
            None => self.list.retain(|condition| condition.type_ != <&str>::from(kind)),
        }
    }
}

/// The condition of a type, where it is set.
pub fn find(list: &[Condition], kind: ConditionType) -> Option<&Condition> {
    list.iter().find(|condition| condition.type_ == <&str>::from(kind))
}

/// Whether a condition is set and holds.
pub fn is_true(list: &[Condition], kind: ConditionType) -> bool {
    find(list, kind).is_some_and(|condition| condition.status == <&str>::from(ConditionStatus::True))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_moves_only_with_the_status() {
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(9).unwrap());
        let mut list = Vec::new();
        Conditions::edit(&mut list, Some(1), early).set(ConditionType::Ready, true, ModelReason::Serving, "");
        Conditions::edit(&mut list, Some(2), late).set(ConditionType::Ready, true, ModelReason::Serving, "2 replicas");
        assert_eq!((list[0].last_transition_time.0, list[0].observed_generation), (early, Some(2)));
        Conditions::edit(&mut list, Some(2), late).set(ConditionType::Ready, false, ModelReason::Loading, "");
        assert_eq!((list.len(), list[0].last_transition_time.0), (1, late));
        assert!(!is_true(&list, ConditionType::Ready));
    }

    #[test]
    fn an_abnormal_condition_is_absent_when_all_is_well() {
        let mut list = Vec::new();
        let mut conditions = Conditions::edit(&mut list, None, Timestamp::UNIX_EPOCH);
        conditions.set_or_clear(ConditionType::Stalled, Some((ModelReason::Progressing.into(), "x".into())));
        conditions.set_or_clear(ConditionType::Stalled, None);
        assert!(list.is_empty());
    }
}
