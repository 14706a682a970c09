//! The making of a suite: which drafts to run next, and which of them to keep.

use std::collections::BTreeMap;

use genesis_core::execution::ExecutionRequest;
use genesis_core::task::Suite;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{BuiltSuite, Runner, SuiteError, SuitePlan, Taken};
use crate::draft::Draft;
use crate::family::Family;
use crate::proof::{Proven, Rejection, prove};
use crate::universe::{TASK_LENGTHS, Universe};

/// Drafts per call of the runner: two programs each, a few hundred kilobytes of requests.
const BATCH: usize = 32;
/// Rounds of drafting, running and proving; each round needs far fewer drafts than the one before.
pub(super) const ROUNDS: usize = 24;
/// A family is given up after this many drafts per task it should give.
const DRAFTS_PER_TASK: usize = 6;
/// A draft that the sandbox failed to run is run again at most this often at once.
const INFRA_RETRIES: usize = 3;
/// A family that was drawn before is drawn again at most this often.
const REDRAWS: usize = 2_000;

/// One family at work.
struct Site<'u> {
    family: &'u Family,
    rng: ChaCha8Rng,
    drafts: usize,
    proven: Vec<Proven>,
}

impl Site<'_> {
    fn is_complete(&self, wanted: usize) -> bool {
        self.proven.len() >= wanted
    }

    fn is_given_up(&self, wanted: usize) -> bool {
        // In many families a step can never matter (an order before a sum), which the first drafts show.
        let barren = self.proven.is_empty() && self.drafts > wanted;
        !self.is_complete(wanted) && (barren || self.drafts >= DRAFTS_PER_TASK * wanted)
    }
}

/// A suite in the making.
pub(super) struct Builder<'u, 'p> {
    universe: &'u Universe,
    plan: &'p SuitePlan,
    taken: &'p mut Taken,
    families_rng: ChaCha8Rng,
    sites: Vec<Site<'u>>,
    rejections: BTreeMap<&'static str, usize>,
}

impl<'u, 'p> Builder<'u, 'p> {
    pub(super) fn new(universe: &'u Universe, plan: &'p SuitePlan, taken: &'p mut Taken) -> Self {
        let families_rng = ChaCha8Rng::seed_from_u64(plan.seed);
        Self { universe, plan, taken, families_rng, sites: Vec::new(), rejections: BTreeMap::new() }
    }

    pub(super) fn finish<E>(mut self, run: &mut Runner<'_, E>) -> Result<BuiltSuite, SuiteError<E>> {
        let wanted = self.plan.families;
        for _ in 0..ROUNDS {
            self.open_sites(wanted);
            let drafts = self.draft();
            if drafts.is_empty() {
                break;
            }
            for batch in drafts.chunks(BATCH) {
                self.run_batch(batch, run)?;
            }
        }
        let per_family = self.plan.tasks_per_family;
        let complete = self.sites.iter().filter(|site| site.is_complete(per_family)).count();
        if complete < wanted {
            return Err(SuiteError::Unfinished { complete, wanted, rejections: self.rejections });
        }
        Ok(self.collect())
    }

    /// Opens as many families as are missing, those that are given up not counted.
    fn open_sites(&mut self, wanted: usize) {
        let per_family = self.plan.tasks_per_family;
        let promising = self.sites.iter().filter(|site| !site.is_given_up(per_family)).count();
        for _ in promising..wanted {
            let drawn = (0..REDRAWS).find_map(|_| {
                let family = self.universe.draw(self.plan.split, TASK_LENGTHS, &mut self.families_rng)?;
                (!self.taken.families.contains(&family.id)).then_some(family)
            });
            let Some(family) = drawn else { return };
            self.taken.families.insert(family.id.clone());
            self.open_site(family);
        }
    }

    fn open_site(&mut self, family: &'u Family) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.plan.seed);
        rng.set_stream(1 + self.sites.len() as u64);
        self.sites.push(Site { family, rng, drafts: 0, proven: Vec::new() });
    }

    /// Drafts what the open families lack and one more each, with the position of the family.
    fn draft(&mut self) -> Vec<(usize, Draft)> {
        let per_family = self.plan.tasks_per_family;
        let mut drafts = Vec::new();
        for (position, site) in self.sites.iter_mut().enumerate() {
            if site.is_complete(per_family) || site.is_given_up(per_family) {
                continue;
            }
            for _ in 0..=per_family - site.proven.len() {
                site.drafts += 1;
                let draft = Draft::draw(self.universe, site.family, &mut site.rng);
                if self.taken.prompts.insert(draft.prompt.clone()) {
                    drafts.push((position, draft));
                }
            }
        }
        drafts
    }

    fn run_batch<E>(&mut self, batch: &[(usize, Draft)], run: &mut Runner<'_, E>) -> Result<(), SuiteError<E>> {
        for ((position, draft), proof) in batch.iter().zip(prove_with_retries(batch, run)?) {
            let site = &mut self.sites[*position];
            match proof {
                Ok(proven) if !site.is_complete(self.plan.tasks_per_family) => site.proven.push(proven),
                Ok(_) => {
                    self.taken.prompts.remove(&draft.prompt);
                }
                Err(rejection) => {
                    self.taken.prompts.remove(&draft.prompt);
                    site.drafts -= usize::from(rejection.is_infra());
                    *self.rejections.entry(rejection.reason()).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    fn collect(self) -> BuiltSuite {
        let per_family = self.plan.tasks_per_family;
        let mut built = BuiltSuite {
            suite: Suite { name: self.plan.name.clone(), seed: self.plan.seed, tasks: Vec::new() },
            references: BTreeMap::new(),
            killed: 0,
            mutants: 0,
            drafts: self.sites.iter().map(|site| site.drafts).sum(),
            rejections: self.rejections,
        };
        for site in self.sites {
            if !site.is_complete(per_family) {
                for proven in site.proven {
                    self.taken.prompts.remove(&proven.task.prompt);
                }
                continue;
            }
            for proven in site.proven {
                let Proven { task, reference, killed, mutants, .. } = proven;
                built.killed += killed;
                built.mutants += mutants;
                built.references.insert(task.id.clone(), reference);
                built.suite.tasks.push(task);
            }
        }
        built
    }
}

/// Proves a batch. What the sandbox failed to run is run again, so that a passing fault does not change the suite.
fn prove_with_retries<E>(
    batch: &[(usize, Draft)],
    run: &mut Runner<'_, E>,
) -> Result<Vec<Result<Proven, Rejection>>, SuiteError<E>> {
    let mut proofs = prove_all(batch.iter().map(|(_, draft)| draft), run)?;
    for _ in 0..INFRA_RETRIES {
        let failed: Vec<usize> =
            (0..batch.len()).filter(|&at| matches!(&proofs[at], Err(rejection) if rejection.is_infra())).collect();
        if failed.is_empty() {
            break;
        }
        let again = prove_all(failed.iter().map(|&at| &batch[at].1), run)?;
        for (at, proof) in failed.into_iter().zip(again) {
            proofs[at] = proof;
        }
    }
    Ok(proofs)
}

fn prove_all<'d, E>(
    drafts: impl Iterator<Item = &'d Draft> + Clone,
    run: &mut Runner<'_, E>,
) -> Result<Vec<Result<Proven, Rejection>>, SuiteError<E>> {
    let requests: Vec<Vec<ExecutionRequest>> = drafts.clone().map(Draft::requests).collect();
    let counts: Vec<usize> = requests.iter().map(Vec::len).collect();
    let expected = counts.iter().sum();
    let records = run(requests.into_iter().flatten().collect()).map_err(SuiteError::Runner)?;
    if records.len() != expected {
        return Err(SuiteError::Records { expected, got: records.len() });
    }
    let mut rest = records.as_slice();
    let proofs = drafts.zip(counts).map(|(draft, count)| {
        let (own, others) = rest.split_at(count);
        rest = others;
        prove(draft, own)
    });
    Ok(proofs.collect())
}
