//! What must hold in every state, and to which end every state comes once nothing fails any more.

use genesis_operator::warm_pool::{Claim, Owner, Phase, Pod};
use stateright::Property;

use super::server::Server;
use super::{Claims, State, Step, is_ours};

pub(super) const ONE_CLAIM: &str = "a pod has one claim, for as long as that goes on";
pub(super) const NO_MORE_THAN_WANTED: &str = "a claim has no more pods than it wants";
pub(super) const NO_MORE_THAN_PLACES: &str = "there are no more pods than places";
pub(super) const KNOWN: &str = "a claim knows of every pod it has";

pub(super) fn all() -> Vec<Property<Claims>> {
    vec![
        Property::<Claims>::always(ONE_CLAIM, |_, state| state.server.broken.is_none()),
        Property::<Claims>::always(NO_MORE_THAN_WANTED, |_, state| claims_have_at_most(&state.server)),
        Property::<Claims>::always(NO_MORE_THAN_PLACES, |model, state| {
            let most = model.size + model.wanted.iter().sum::<usize>() + usize::from(model.failures);
            state.server.pods.iter().filter(|pod| is_ours(pod)).count() <= most
        }),
        Property::<Claims>::always(KNOWN, |_, state| claims_know(&state.server)),
        Property::<Claims>::always("pods of other tenants are left alone", |_, state| {
            state.server.pods.iter().filter(|pod| !is_ours(pod)).all(|pod| pod.version == 0 && !pod.deleted)
        }),
        Property::<Claims>::always(
            "once nothing fails, every claim gets its pods and nothing is left over",
            |model, state| model.calm.comes_right(state, |state| model.calm_step(state), |state| model.is_right(state)),
        ),
        Property::<Claims>::sometimes("all claims have their pods", |model, state| {
            let has = |claim: &Claim| held(&state.server, &claim.key.uid).count() == claim.wanted;
            state.server.claims.len() == model.wanted.len() && state.server.claims.iter().all(has)
        }),
    ]
}

fn held<'a>(server: &'a Server, claim: &'a str) -> impl Iterator<Item = &'a Pod> {
    let serves = |pod: &&Pod| !pod.deleted && pod.phase == Phase::Ready;
    server.pods.iter().filter(serves).filter(move |pod| matches!(&pod.owner, Owner::Claim(uid) if uid == claim))
}

fn claims_have_at_most(server: &Server) -> bool {
    server.claims.iter().all(|claim| held(server, &claim.key.uid).count() <= claim.wanted)
}

fn claims_know(server: &Server) -> bool {
    let mut open = server.claims.iter().filter(|claim| !claim.over);
    open.all(|claim| held(server, &claim.key.uid).all(|pod| claim.assigned.contains(&pod.key)))
}

impl Claims {
    /// The one thing that happens next: pods go, writes are done, and who sees something to do decides.
    fn calm_step(&self, state: &State) -> Option<State> {
        if let Some(index) = state.server.pods.iter().position(|pod| pod.deleted) {
            return Some(self.step(state, Step::Gone(index)));
        }
        if let Some(index) = state.controllers.iter().position(|controller| !controller.pending.is_empty()) {
            return Some(self.step(state, Step::Write(index)));
        }
        if state.server.claims.len() < self.wanted.len() {
            return Some(self.step(state, Step::Arrive));
        }
        let looks = (0..state.controllers.len()).map(|index| self.step(state, Step::Look(index)));
        looks.into_iter().find(|next| next.controllers.iter().any(|controller| !controller.pending.is_empty()))
    }

    fn is_right(&self, state: &State) -> bool {
        let server = &state.server;
        let idle = server.pods.iter().filter(|pod| is_ours(pod) && matches!(pod.owner, Owner::Pool(_)));
        let idle = idle.filter(|pod| pod.phase == Phase::Ready).count();
        let served = server.claims.iter().all(|claim| {
            let has = held(server, &claim.key.uid).count();
            if claim.over { has == 0 } else { has == claim.wanted && claim.assigned.len() == claim.wanted }
        });
        idle == self.size && served
    }
}
