//! `cargo dev protocols`: the protocols with more than one controller, in every order of their steps.
//!
//! The models decide with the product's own functions; around these they let everything happen that may: two
//! controllers, crashes, old views, lost answers. Each known bug can be brought back by a switch, and the same
//! properties must then find it. `once nothing fails` is checked in every state, by following from there what happens
//! when nothing fails any more: that says more than a run that ends well, and needs no assumption about fairness.

mod calm;
pub mod claim;
mod explore;
pub mod fence;
pub mod promotion;
#[cfg(test)]
mod tests;

use anyhow::{Result, ensure};
use indicatif::ProgressBar;
use serde::Serialize;
use stateright::Model;

pub use explore::{Explored, Found, explore};

use crate::report;

/// One model with its bounds.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// The protocol.
    pub protocol: &'static str,
    /// What may happen in it.
    pub bounds: &'static str,
    /// The bug that was brought back.
    pub bug: Option<String>,
    /// The property that forbids it.
    pub forbids: Option<&'static str>,
    /// What came of it.
    #[serde(flatten)]
    pub explored: Explored,
}

impl Proof {
    /// Without a bug every property holds in every state; with one that property does not which forbids it.
    pub fn is_right(&self) -> bool {
        match self.forbids {
            Some(name) => self.explored.broken().any(|found| found.name == name),
            None => self.explored.complete && self.explored.broken().next().is_none(),
        }
    }
}

/// What is to be explored: a model, or one with a bug in it.
pub struct Case {
    protocol: &'static str,
    bounds: &'static str,
    bug: Option<String>,
    forbids: Option<&'static str>,
    /// It takes more than some seconds, and another case says nearly as much.
    large: bool,
    explore: Box<dyn FnOnce(Option<&'static str>) -> Explored>,
}

impl Case {
    fn new<M>(protocol: &'static str, bounds: &'static str, model: M) -> Self
    where
        M: Model + Send + Sync + 'static,
        M::State: Clone + std::fmt::Debug + std::hash::Hash + PartialEq + Send + Sync + 'static,
        M::Action: Clone + std::fmt::Debug + PartialEq + Send + Sync,
    {
        let explore = Box::new(move |forbids| explore(model, forbids));
        Self { protocol, bounds, bug: None, forbids: None, large: false, explore }
    }

    /// The model has this bug, which this property forbids.
    fn with(self, bug: String, forbids: &'static str) -> Self {
        Self { bug: Some(bug), forbids: Some(forbids), ..self }
    }

    fn large(self) -> Self {
        Self { large: true, ..self }
    }

    /// Explores it.
    pub fn run(self) -> Proof {
        let Self { protocol, bounds, bug, forbids, explore, .. } = self;
        Proof { protocol, bounds, bug, forbids, explored: explore(forbids) }
    }
}

/// All of them.
pub fn cases() -> Vec<Case> {
    [claim::cases(), fence::cases(), promotion::cases()].into_iter().flatten().collect()
}

/// Explores all models, or those that take some seconds only, prints the table and writes the report.
pub fn run(quick: bool) -> Result<Vec<Proof>> {
    let mut table = report::table(&["protocol", "what may happen", "states", "depth", "property", "found", "bug"]);
    let mut proofs = Vec::new();
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    for case in cases().into_iter().filter(|case| !(quick && case.large)) {
        bar.set_message(format!("{}: {}", case.protocol, case.bug.as_deref().unwrap_or(case.bounds)));
        let proof = case.run();
        for row in rows(&proof) {
            table.add_row(row);
        }
        proofs.push(proof);
    }
    bar.finish_and_clear();
    println!("{table}");
    println!("report: {}", report::write("protocols", &proofs)?.display());
    let wrong: Vec<&Proof> = proofs.iter().filter(|proof| !proof.is_right()).collect();
    ensure!(wrong.is_empty(), "{} of {} models are not as they must be: {wrong:#?}", wrong.len(), proofs.len());
    Ok(proofs)
}

/// A row for each property; with a bug only for the one that forbids it.
fn rows(proof: &Proof) -> Vec<Vec<String>> {
    let explored = &proof.explored;
    let shown = explored.properties.iter().filter(|property| proof.forbids.is_none_or(|name| name == property.name));
    let row = |(index, property): (usize, &Found)| {
        let first = |text: String| if index == 0 { text } else { String::new() };
        let found = match (property.holds, property.steps.len()) {
            (true, 0) => "holds".to_owned(),
            (true, steps) => format!("possible in {steps} steps"),
            (false, steps) => format!("broken in {steps} steps"),
        };
        vec![
            first(proof.protocol.to_owned()),
            first(proof.bounds.to_owned()),
            first(explored.states.to_string()),
            first(explored.depth.to_string()),
            property.name.to_owned(),
            found,
            first(proof.bug.clone().unwrap_or_default()),
        ]
    };
    shown.enumerate().map(row).collect()
}
