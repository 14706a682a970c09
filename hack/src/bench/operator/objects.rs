//! The objects, as people and the operator would have left them.

use genesis_core::AdapterRef;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::mix::{Child, Kind, Mix, State};

/// What all of them refer to.
#[derive(Clone, Debug)]
pub(super) struct Store {
    /// Where artifacts are.
    pub uri: String,
    /// What every model serves.
    pub champion: AdapterRef,
    /// What is judged and rolled out in the third turn.
    pub candidate: AdapterRef,
    /// When everything that has ended did so.
    pub ended: Timestamp,
}

impl Store {
    /// A GenesisModel's spec.
    pub(super) fn model(&self, name: &str) -> Value {
        json!({
            "baseModel": { "uri": "builtin://seedling" },
            "servedModelName": name,
            "storage": { "uri": self.uri },
            "evaluationTemplate": { "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }] },
        })
    }

    /// Its status: who is champion, and the turns that are over.
    pub(super) fn model_status(&self, name: &str, third_is_over: bool) -> Value {
        let entry = |revision: i64, outcome: &str, adapter: &AdapterRef| {
            let message = format!("the candidate was judged and rolled out: {outcome}");
            json!({ "revision": revision, "outcome": outcome, "time": self.ended, "adapter": adapter, "message": message })
        };
        let mut history = vec![entry(2, "Promoted", &self.champion), entry(1, "RolledBack", &self.candidate)];
        if third_is_over {
            history.insert(0, entry(3, "RolledBack", &self.candidate));
        }
        let current = json!({
            "name": self.champion.served_name(name), "uri": self.champion.uri, "digest": self.champion.digest,
            "revision": 2, "promotedTime": self.ended, "rolloutName": format!("{name}-r2"), "score": "0.8000",
        });
        json!({
            "observedGeneration": 1, "conditions": [], "currentAdapter": current, "revision": 3, "history": history,
            "replicas": 0, "readyReplicas": 0, "updatedReplicas": 0, "watermark": 100,
            "lastTrainingTime": self.ended, "consecutiveRejections": 1, "rejectionsGeneration": 1,
        })
    }

    /// A child's spec.
    pub(super) fn spec(&self, child: &Child) -> Value {
        let model = Mix::model(child.model);
        let (held, reference) = (child.state == State::Held, json!({ "name": model }));
        let storage = json!({ "uri": self.uri });
        match child.kind {
            Kind::TrainingRun => json!({
                "modelRef": reference, "baseModel": { "uri": "builtin://seedling" }, "storage": storage,
                "dataset": { "uri": format!("{}/datasets/d", self.uri), "digest": self.champion.digest },
                "suspend": held, "trigger": "BelowThresholds: 100 of 100 new learnings",
            }),
            Kind::Evaluation => json!({
                "modelRef": reference, "servedModelName": model, "storage": storage,
                "baseline": self.champion, "candidate": self.candidate,
                "suites": [{ "name": "sealed", "uri": "store://suites/sealed" }],
                "suspend": held, "activeDeadlineSeconds": 31_536_000,
            }),
            Kind::Rollout => json!({
                "modelRef": reference, "candidate": self.tried(child), "stable": self.champion,
                "paused": held, "progressDeadlineSeconds": 31_536_000,
            }),
        }
    }

    /// The status of a child that has ended; nothing for another one.
    pub(super) fn status(&self, child: &Child) -> Option<Value> {
        if child.state != State::Finished {
            return None;
        }
        let (time, adapter) = (self.ended, self.tried(child));
        let condition = |kind: &str, yes: bool, reason: &str| {
            json!({
                "type": kind, "status": if yes { "True" } else { "False" }, "reason": reason, "message": "",
                "lastTransitionTime": time, "observedGeneration": 1,
            })
        };
        let ends = json!([
            condition("Suspended", false, "NotSuspended"),
            condition("Complete", true, "Completed"),
            condition("Failed", false, "NotFailed"),
        ]);
        Some(match child.kind {
            Kind::TrainingRun => json!({
                "observedGeneration": 1, "conditions": ends, "phase": "Complete", "attempts": 1,
                "attemptsCountTowardsLimit": 0, "message": "200 steps, loss 1.53 → 0.61",
                "adapter": { "uri": adapter.uri, "digest": adapter.digest, "rank": 8, "sizeBytes": 163_840 },
                "dataset": { "uri": format!("{}/datasets/d", self.uri), "digest": adapter.digest, "rows": 790 },
                "trainerStatus": { "progressPercentage": 100, "currentStep": 200, "totalSteps": 200,
                    "metrics": [{ "name": "loss", "value": "0.61" }] },
                "startTime": time, "completionTime": time, "duration": "1m 12s",
            }),
            Kind::Evaluation => json!({
                "observedGeneration": 1, "conditions": ends, "phase": "Complete", "attempts": 1, "failedAttempts": 0,
                "verdict": "Pass", "verdictReason": "AllCriteriaMet",
                "message": "sealed: 0.4380 → 0.8880, +0.4500 [+0.3990, +0.5010]",
                "results": [{ "suite": "sealed", "baseline": "0.4380", "candidate": "0.8880", "delta": "0.4500",
                    "lower": "0.3990", "upper": "0.5010", "baselinePassAt8": "0.9420", "candidatePassAt8": "0.9960",
                    "tasks": 240, "families": 48, "samples": 8, "infra": 0 }],
                "report": { "uri": format!("{}/reports/r", self.uri), "digest": adapter.digest },
                "startTime": time, "completionTime": time,
            }),
            Kind::Rollout => json!({
                "observedGeneration": 1, "phase": "Ended", "currentStepIndex": 3,
                "conditions": [condition("Progressing", false, "Completed")],
                "weights": { "canary": 0, "stable": 100, "verified": true },
                "completionStatus": if child.turn == Some(2) { "Promoted" } else { "RolledBack" },
                "message": "live traffic decided", "startTime": time, "completionTime": time,
                "servedDigest": adapter.digest,
            }),
        })
    }

    fn tried(&self, child: &Child) -> &AdapterRef {
        if child.turn == Some(2) { &self.champion } else { &self.candidate }
    }
}
