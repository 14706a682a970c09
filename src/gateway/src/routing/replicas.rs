//! Ready pods of one role, and which of them takes the next request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// A pod that says it is ready.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Replica {
    /// Name of the pod: a restarted pod is another replica.
    pub pod: String,
    /// Its address.
    pub address: IpAddr,
}

/// Counts what is outstanding at each address. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Outstanding {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One request at one replica; dropping it says that it is over.
#[derive(Debug)]
pub struct Lease {
    address: IpAddr,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Outstanding {
    /// Takes the replica with the fewest outstanding requests that is not in `avoid`; all avoided: any of them.
    ///
    /// Choosing and counting are one step, so that requests that come together do not all go to one replica.
    pub fn take(&self, replicas: &[Replica], avoid: &[IpAddr]) -> Option<(Replica, Lease)> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let load = |replica: &&Replica| (counts.get(&replica.address).copied().unwrap_or(0), replica.pod.clone());
        let fresh = replicas.iter().filter(|replica| !avoid.contains(&replica.address)).min_by_key(load);
        let chosen = fresh.or_else(|| replicas.iter().min_by_key(load))?.clone();
        *counts.entry(chosen.address).or_insert(0) += 1;
        let lease = Lease { address: chosen.address, counts: Arc::clone(&self.counts) };
        Some((chosen, lease))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // An address without work is forgotten: pods come and go, the map must not grow with them.
        if let Some(count) = counts.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(last: u8) -> Replica {
        Replica { pod: format!("pod-{last}"), address: [127, 0, 0, last].into() }
    }

    #[test]
    fn the_least_busy_replica_is_taken() {
        let (outstanding, replicas) = (Outstanding::default(), [replica(1), replica(2)]);
        let (first, _held) = outstanding.take(&replicas, &[]).unwrap();
        let (second, other) = outstanding.take(&replicas, &[]).unwrap();
        assert_ne!(first, second);
        drop(other);
        assert_eq!(outstanding.take(&replicas, &[]).unwrap().0, second);
    }

    #[test]
    fn a_replica_that_failed_is_avoided_while_there_is_another() {
        let (outstanding, replicas) = (Outstanding::default(), [replica(1), replica(2)]);
        assert_eq!(outstanding.take(&replicas, &[replicas[0].address]).unwrap().0, replicas[1]);
        assert!(outstanding.take(&replicas, &[replicas[0].address, replicas[1].address]).is_some());
        assert!(outstanding.take(&[], &[]).is_none());
    }

    #[test]
    fn an_idle_address_is_forgotten() {
        let outstanding = Outstanding::default();
        drop(outstanding.take(&[replica(1)], &[]));
        assert!(outstanding.counts.lock().unwrap().is_empty());
    }
}
