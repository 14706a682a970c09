//! Trying the replicas of one role, one after another, until one answers or the time is over.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::replicas::{Lease, Outstanding, Replica};
use super::route::{ModelKey, ModelRoute};
use super::table::RouteTable;

/// How long and how often a request is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// From the first attempt to the last that is begun. Longer than a pod takes to start.
    pub total: Duration,
    /// Between two attempts where nothing changed in the meantime.
    pub pause: Duration,
    /// One attempt that takes longer has failed. Longer than a busy model takes for its longest answer.
    pub answer: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { total: Duration::from_secs(30), pause: Duration::from_millis(100), answer: Duration::from_secs(120) }
    }
}

/// The attempts of one request.
pub struct Attempts<'a> {
    model: &'a ModelKey,
    role: fn(&ModelRoute) -> &[Replica],
    routes: watch::Receiver<Arc<RouteTable>>,
    outstanding: &'a Outstanding,
    policy: RetryPolicy,
    deadline: Instant,
    failed: Vec<IpAddr>,
    made: u32,
    last: String,
}

impl<'a> Attempts<'a> {
    /// Attempts that begin now, at the replicas of the model that `role` picks.
    pub fn new(
        model: &'a ModelKey,
        role: fn(&ModelRoute) -> &[Replica],
        routes: watch::Receiver<Arc<RouteTable>>,
        outstanding: &'a Outstanding,
        policy: RetryPolicy,
    ) -> Self {
        let (deadline, last) = (Instant::now() + policy.total, "no replica is ready".to_owned());
        Self { model, role, routes, outstanding, policy, deadline, failed: Vec::new(), made: 0, last }
    }

    /// The least busy replica that has not failed; waits for one. `None`: the time is over.
    ///
    /// A pod that became ready is a reason to try at once; otherwise the failed ones get a moment.
    pub async fn next(&mut self) -> Option<(Replica, Lease)> {
        loop {
            let replicas = self.replicas();
            let untried = replicas.iter().any(|replica| !self.failed.contains(&replica.address));
            let first = untried && self.made == 0;
            if !first && Instant::now() >= self.deadline {
                return None;
            }
            if untried {
                self.made += 1;
                return self.outstanding.take(&replicas, &self.failed);
            }
            self.pause().await;
            self.failed.clear();
        }
    }

    /// Bounds one attempt.
    pub async fn within<T>(&self, attempt: impl Future<Output = T>) -> Result<T, String> {
        let late = |_| format!("no answer within {:?}", self.policy.answer);
        timeout(self.policy.answer, attempt).await.map_err(late)
    }

    /// Notes that a replica failed: the others are tried before it.
    pub fn fail(&mut self, replica: &Replica, why: String) {
        tracing::warn!(pod = replica.pod, why, "A replica failed; trying again.");
        self.last = why;
        self.failed.push(replica.address);
    }

    /// How many attempts were made.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// What the last one met.
    pub fn last(&self) -> &str {
        &self.last
    }

    fn replicas(&mut self) -> Vec<Replica> {
        let table = self.routes.borrow_and_update();
        table.get(self.model).map(|route| (self.role)(route).to_vec()).unwrap_or_default()
    }

    async fn pause(&mut self) {
        let until = self.deadline.min(Instant::now() + self.policy.pause);
        // While the process ends nobody announces routes any more, and waiting for a change returns at once.
        if let Ok(Err(_)) = timeout_at(until, self.routes.changed()).await {
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::testing::route;

    fn serving(route: &ModelRoute) -> &[Replica] {
        &route.serving
    }

    #[tokio::test]
    async fn failed_replicas_get_a_moment_also_when_nobody_announces_routes_any_more() {
        let replica = |last: u8| Replica { pod: format!("p{last}"), address: [127, 0, 0, last].into() };
        let route = ModelRoute { serving: vec![replica(1), replica(2)], ..route(None) };
        let (key, outstanding) = (route.key.clone(), Outstanding::default());
        let (announce, routes) = watch::channel(Arc::new(RouteTable::new([route])));
        drop(announce);
        let (total, pause) = (Duration::from_millis(200), Duration::from_millis(20));
        let policy = RetryPolicy { total, pause, ..RetryPolicy::default() };
        let mut attempts = Attempts::new(&key, serving, routes, &outstanding, policy);
        let mut pods = Vec::new();
        while let Some((replica, _lease)) = attempts.next().await {
            attempts.fail(&replica, "down".into());
            pods.push(replica.pod);
        }
        assert_eq!(pods[..4], ["p1", "p2", "p1", "p2"], "each once before any again");
        // Two replicas for each pause: no more rounds than pauses fit in.
        assert!((4..=2 * 11).contains(&pods.len()), "{} attempts", pods.len());
        assert_eq!((attempts.made() as usize, attempts.last()), (pods.len(), "down"));
    }

    #[tokio::test]
    async fn an_attempt_without_an_end_is_given_up() {
        let (key, outstanding) = (route(None).key, Outstanding::default());
        let (_announce, routes) = watch::channel(Arc::default());
        let policy = RetryPolicy { answer: Duration::from_millis(10), ..RetryPolicy::default() };
        let attempts = Attempts::new(&key, serving, routes, &outstanding, policy);
        assert!(attempts.within(std::future::pending::<()>()).await.unwrap_err().contains("no answer within"));
    }
}
