//! The number of a leader: higher than that of every leader before, whoever is held up wherever.

use genesis_api::names::TERM_ANNOTATION;
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;

/// Bits of a leader's number that count the leaders of one Lease.
const TERM_BITS: u32 = 20;

/// What a Lease says of who leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seat {
    /// Who holds it.
    pub holder: Option<String>,
    /// The second of its creation, as the API server dates it.
    pub created: u64,
    /// How often it has changed hands, as those who manage it say.
    pub transitions: u64,
    /// How many leaders have had it, as they have counted themselves.
    pub term: u64,
}

/// How one stands that believes to hold a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Another one holds it, or nobody.
    Lost,
    /// It has never been led by anybody. Made and deleted within one second, it could be mistaken for the next one; who
    /// still finds it a second later knows that it cannot.
    Fresh,
    /// This term begins once it is written, and the Lease is still the one that was read.
    Begins(u64),
}

impl Seat {
    pub(super) fn of(lease: &Lease) -> Self {
        let spec = lease.spec.as_ref();
        let created = lease.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
        let transitions = spec.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        Self {
            holder: spec.and_then(|spec| spec.holder_identity.clone()),
            created: u64::try_from(created).unwrap_or(0),
            transitions: u64::try_from(transitions).unwrap_or(0),
            term: lease.annotations().get(TERM_ANNOTATION).and_then(|term| term.parse().ok()).unwrap_or(0),
        }
    }
}

/// Decides whether a term begins. `seen` says that the same Lease was found a second ago.
pub fn standing(seat: &Seat, identity: &str, seen: bool) -> Standing {
    if seat.holder.as_deref() != Some(identity) {
        return Standing::Lost;
    }
    if seat.term == 0 && !seen {
        return Standing::Fresh;
    }
    // Leaders of an earlier version have counted nothing, and taken the count of transitions for their number.
    Standing::Begins(seat.term.max(seat.transitions) + 1)
}

/// The number of the leader with this term. A Lease that was deleted and made again counts from the beginning; its
/// creation is later.
pub fn number(created: u64, term: u64) -> u64 {
    (created << TERM_BITS) | term.min((1 << TERM_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seat(created: &str, transitions: i32, term: &str) -> Seat {
        let metadata = json!({ "creationTimestamp": created, "annotations": { TERM_ANNOTATION: term } });
        let spec = json!({ "holderIdentity": "a", "leaseTransitions": transitions });
        Seat::of(&serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap())
    }

    #[test]
    fn only_who_holds_it_begins_a_term_and_each_has_another_one() {
        let lease = seat("2026-01-01T00:00:00Z", 1, "4");
        assert_eq!(standing(&lease, "b", true), Standing::Lost);
        assert_eq!(standing(&lease, "a", false), Standing::Begins(5));
        assert_eq!(standing(&seat("2026-01-01T00:00:00Z", 7, "4"), "a", false), Standing::Begins(8));
        let new = seat("2026-01-01T00:00:00Z", 1, "");
        assert_eq!((standing(&new, "a", false), standing(&new, "a", true)), (Standing::Fresh, Standing::Begins(2)));
    }

    #[test]
    fn a_lease_that_is_made_again_gives_higher_numbers() {
        let created = |time: &str| seat(time, 0, "").created;
        let old = created("2026-01-01T00:00:00Z");
        assert!(number(created("2026-01-01T00:00:01Z"), 1) > number(old, u64::MAX));
        assert!(i64::try_from(number(created("2200-01-01T00:00:00Z"), u64::MAX)).is_ok(), "the ledger can keep it");
    }
}
