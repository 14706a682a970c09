//! Which operator acts where several run: the one that holds the Lease. The others serve Jobs and probes, and wait.

mod term;

pub use term::{Seat, Standing, number, standing};

use std::time::Duration;

use genesis_api::names::TERM_ANNOTATION;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};
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
/// To what the API server dates a creation.
const SECOND: Duration = Duration::from_secs(1);

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
        let leases = Api::<Lease>::namespaced(client.clone(), &election.namespace);
        match begin_term(&leases, &election.identity).await {
            Ok(number) => {
                tracing::info!(identity = election.identity, number, "This operator leads.");
                Ok(Some(Self { leads, manager, number }))
            }
            Err(error) => {
                Self { leads, manager, number: 0 }.release().await;
                Err(error)
            }
        }
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

/// Writes into the Lease that a term begins, and returns the leader's number.
///
/// The count of the Lease's own transitions would not do: whoever manages the Lease writes it on its own, some time after
/// the holder, so that two leaders can read the same.
async fn begin_term(leases: &Api<Lease>, identity: &str) -> Result<u64, StartError> {
    let failed = |error| StartError::Lease(LeaseManagerError::KubeError(error));
    let mut seen = None;
    loop {
        let mut lease = leases.get(LEASE).await.map_err(failed)?;
        let uid = lease.uid();
        let seat = Seat::of(&lease);
        match standing(&seat, identity, seen.is_some() && seen == uid) {
            Standing::Lost => return Err(StartError::LeaseLost),
            Standing::Fresh => {
                seen = uid;
                tokio::time::sleep(SECOND).await;
            }
            Standing::Begins(term) => {
                lease.annotations_mut().insert(TERM_ANNOTATION.into(), term.to_string());
                match leases.replace(LEASE, &PostParams::default(), &lease).await {
                    Ok(_) => return Ok(number(seat.created, term)),
                    // Renewed, lost, or counted by another: the next look tells.
                    Err(kube::Error::Api(status)) if status.code == 409 => {}
                    Err(error) => return Err(failed(error)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
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

    /// One that is held up between gaining the lead and reading its number must not take that of its successor.
    #[tokio::test]
    async fn who_was_overtaken_before_it_had_its_number_does_not_lead() {
        let cluster = Cluster::in_memory().unwrap();
        let leases = Api::<Lease>::namespaced(cluster.client(), "default");
        let held = |holder: &str| -> Lease {
            let spec = serde_json::json!({ "holderIdentity": holder, "leaseTransitions": 1 });
            serde_json::from_value(serde_json::json!({ "metadata": { "name": LEASE }, "spec": spec })).unwrap()
        };
        leases.create(&PostParams::default(), &held("b")).await.unwrap();
        assert!(matches!(begin_term(&leases, "a").await, Err(StartError::LeaseLost)));
        let first = begin_term(&leases, "b").await.unwrap();
        let mut lease = leases.get(LEASE).await.unwrap();
        lease.spec.get_or_insert_default().holder_identity = Some("a".into());
        leases.replace(LEASE, &PostParams::default(), &lease).await.unwrap();
        // Its count of transitions was lost on the way; its number is higher all the same.
        assert_eq!(begin_term(&leases, "a").await.unwrap(), first + 1);
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
