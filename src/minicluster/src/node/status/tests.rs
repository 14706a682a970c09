use super::*;

fn ended(exit_code: i32) -> Ended {
    let at = Timestamp::UNIX_EPOCH;
    Ended { exit_code, reason: "x".into(), message: None, started_at: Some(at), finished_at: at }
}

/// A status computed twice is the same: the node reports only what changed.
#[test]
fn a_status_that_stays_is_not_reported_again() {
    for (code, policy) in [(0, "Never"), (1, "Never"), (0, "Always")] {
        let pod: Pod =
            serde_json::from_value(serde_json::json!({ "spec": { "restartPolicy": policy, "containers": [] } }))
                .unwrap();
        let record = ContainerRecord { phase: Phase::Ended(ended(code)), ..ContainerRecord::new() };
        let containers = BTreeMap::from([("c".to_owned(), record)]);
        let at = |second, previous: &PodStatus| {
            pod_status(&Inputs {
                pod: &pod,
                pod_ip: "127.1.0.1",
                start_time: Timestamp::UNIX_EPOCH,
                containers: &containers,
                ending: true,
                failure: None,
                disrupted: true,
                previous,
                now: Timestamp::from_second(second).unwrap(),
            })
        };
        let first = at(1, &PodStatus::default());
        assert_eq!(at(2, &first), first, "{code} {policy}");
    }
}

#[test]
fn phases_are_those_of_a_kubelet() {
    let waiting = Phase::Waiting { reason: "CrashLoopBackOff", message: None };
    let running = Phase::Running(Timestamp::UNIX_EPOCH);
    for (policy, phase_now, last, ending, expected) in [
        ("Always", waiting.clone(), None, false, "Pending"),
        ("Always", waiting.clone(), Some(1), false, "Running"),
        ("OnFailure", waiting, Some(1), false, "Running"),
        ("Never", running.clone(), None, false, "Running"),
        ("Always", running, None, true, "Running"),
        ("Never", Phase::Ended(ended(0)), None, false, "Succeeded"),
        ("Never", Phase::Ended(ended(3)), None, false, "Failed"),
        ("OnFailure", Phase::Ended(ended(0)), None, false, "Succeeded"),
        ("Always", Phase::Ended(ended(143)), None, true, "Failed"),
        ("Always", Phase::Ended(ended(0)), None, true, "Succeeded"),
    ] {
        let spec = PodSpec { restart_policy: Some(policy.into()), ..PodSpec::default() };
        let record = ContainerRecord { phase: phase_now.clone(), last: last.map(ended), ..ContainerRecord::new() };
        let containers = BTreeMap::from([("c".to_owned(), record)]);
        assert_eq!(phase(&spec, &containers, ending), expected, "{policy} {phase_now:?} {ending}");
    }
}
