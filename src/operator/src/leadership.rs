//! Which operator acts where several run: the one that holds the Lease. The others serve Jobs and probes, and wait.

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::run::StartError;

/// Name of the Lease.
pub const LEASE: &str = "genesis-operator";
/// Seconds after which a leader that is not heard of has lost the Lease.
const DURATION: u64 = 10;
/// Seconds before that at which a leader renews it.
const GRACE: u64 = 4;

/// Where the Lease is, and who asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Unlike that of any other operator: the name of the pod.
    pub identity: String,
}

/// Held for as long as this operator leads.
pub(crate) struct Leadership {
    leads: Receiver<bool>,
    manager: JoinHandle<Result<LeaseManager, LeaseManagerError>>,
    number: u64,
}

/// Bits of a leader's number that count how often the Lease has changed hands.
const TRANSITION_BITS: u32 = 20;

/// The number of the leader that holds this Lease: when the Lease was created, then how often it has changed hands.
///
/// A Lease that was deleted and made again counts from the beginning; its creation, which the API server dates, is later.
fn number(lease: &Lease) -> u64 {
    let created = lease.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
    let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
    let most = (1 << TRANSITION_BITS) - 1;
    (u64::try_from(created).unwrap_or(0) << TRANSITION_BITS) | u64::try_from(transitions).unwrap_or(0).min(most)
}

impl Leadership {
    /// Waits until this operator leads; nothing if it is asked to stop before.
    pub(crate) async fn gain(
        client: &Client,
        election: &Election,
        shutdown: &CancellationToken,
    ) -> Result<Option<Self>, StartError> {
        let builder = LeaseManagerBuilder::new(client.clone(), LEASE)
            .with_namespace(&election.namespace)
            .with_identity(&election.identity)
            .with_duration(DURATION)
            .with_grace(GRACE);
        let (mut leads, manager) = builder.build().await?.watch().await;
        tracing::info!(identity = election.identity, "Waiting for the Lease.");
        let leading = tokio::select! {
            leading = leads.wait_for(|leads| *leads) => Some(leading.is_ok()),
            () = shutdown.cancelled() => None,
        };
        match leading {
            Some(true) => {}
            // The manager has ended without being asked to: nobody tries for the Lease any more.
            Some(false) => return manager.await.map_or(Err(StartError::LeaseLost), |ended| Ok(ended.map(|_| None)?)),
            None => {
                Self { leads, manager, number: 0 }.release().await;
                return Ok(None);
            }
        }
        let lease = Api::<Lease>::namespaced(client.clone(), &election.namespace).get(LEASE).await;
        let number = number(&lease.map_err(LeaseManagerError::KubeError)?);
        tracing::info!(identity = election.identity, number, "This operator leads.");
        Ok(Some(Self { leads, manager, number }))
    }

    /// Higher than that of every leader before: the ledger refuses writes of an earlier one.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Resolves when another operator may lead.
    pub(crate) async fn lost(&mut self) {
        // An error means that the manager has ended: then nobody renews the Lease any more.
        let _ = self.leads.wait_for(|leads| !*leads).await;
    }

    /// Gives the Lease back, so that the next operator need not wait until it runs out.
    pub(crate) async fn release(self) {
        let Self { leads, manager, .. } = self;
        drop(leads);
        if let Ok(Err(error)) = manager.await {
            tracing::warn!(%error, "The Lease was not given back; it runs out in {DURATION} s.");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use genesis_minicluster::cluster::Cluster;

    use super::*;

    fn election(identity: &str) -> Election {
        Election { namespace: "default".into(), identity: identity.into() }
    }

    #[tokio::test]
    async fn one_leads_and_the_next_follows_as_soon_as_it_ends() {
        let cluster = Cluster::in_memory().unwrap();
        let go_on = CancellationToken::new();
        let first = Leadership::gain(&cluster.client(), &election("a"), &go_on).await.unwrap().unwrap();
        let (client, waiting) = (cluster.client(), go_on.clone());
        let second = tokio::spawn(async move { Leadership::gain(&client, &election("b"), &waiting).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!second.is_finished(), "two lead at once");
        let number = first.number();
        first.release().await;
        let second = tokio::time::timeout(Duration::from_secs(DURATION), second).await.unwrap();
        let second = second.unwrap().unwrap().unwrap();
        assert!(second.number() > number, "{} after {number}", second.number());
        second.release().await;
    }

    #[test]
    fn a_lease_that_is_made_again_gives_higher_numbers() {
        let lease = |created: &str, transitions: i32| {
            let json = serde_json::json!({
                "metadata": { "creationTimestamp": created }, "spec": { "leaseTransitions": transitions },
            });
            number(&serde_json::from_value(json).unwrap())
        };
        let old = lease("2026-01-01T00:00:00Z", 5);
        assert_eq!(lease("2026-01-01T00:00:00Z", 6), old + 1);
        assert!(lease("2026-01-01T00:00:01Z", 1) > lease("2026-01-01T00:00:00Z", i32::MAX));
        assert!(i64::try_from(lease("2200-01-01T00:00:00Z", i32::MAX)).is_ok(), "the ledger can keep it");
    }

    #[tokio::test]
    async fn who_waits_can_be_asked_to_stop() {
        let cluster = Cluster::in_memory().unwrap();
        let stop = CancellationToken::new();
        let first = Leadership::gain(&cluster.client(), &election("a"), &stop).await.unwrap().unwrap();
        let (client, waiting) = (cluster.client(), stop.clone());
        let second = tokio::spawn(async move { Leadership::gain(&client, &election("b"), &waiting).await });
        stop.cancel();
        assert!(second.await.unwrap().unwrap().is_none());
        first.release().await;
    }
}
