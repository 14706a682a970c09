//! Kills processes of a running stack with SIGKILL, at random moments.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Kills `times` processes below this one, one every `every` to `2 * every`, and says what was killed.
///
/// It ends early once `over` is set, or after `patience`: a turn that was quicker than its killer must fail a test, not
/// hold it up. Only the parts of Genesis are chosen, by the name of their program: the tests themselves and what else
/// runs on this machine are left alone.
pub async fn kill(times: usize, every: Duration, seed: u64, over: Arc<AtomicBool>, patience: Duration) -> Vec<String> {
    let deadline = Instant::now() + patience;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut killed = Vec::new();
    while killed.len() < times {
        tokio::time::sleep(every + every.mul_f64(rng.random_range(0.0..1.0))).await;
        let victim = victims().choose(&mut rng).cloned();
        // Looked at last: what comes after the end of the turn has no second try.
        if over.load(Ordering::SeqCst) || Instant::now() >= deadline {
            break;
        }
        let Some((process, name)) = victim else { continue };
        if Command::new("kill").args(["-9", &process.to_string()]).status().is_ok_and(|status| status.success()) {
            killed.push(name);
        }
    }
    killed
}

/// `genesis local` below this process and what it runs, with their first two words. The sandbox that only proves the
/// tasks beforehand is no part of the stack.
fn victims() -> Vec<(u32, String)> {
    let processes = processes();
    let own = std::process::id();
    let descends = |mut process: u32| {
        let mut in_stack = false;
        for _ in 0..32 {
            match processes.get(&process) {
                Some((parent, words)) => {
                    in_stack |= words.contains("genesis local");
                    if *parent == own {
                        return in_stack;
                    }
                    process = *parent;
                }
                None => return false,
            }
        }
        false
    };
    let part = |words: &str| {
        words
            .split(' ')
            .next()
            .is_some_and(|program| program.rsplit('/').next().is_some_and(|name| name.starts_with("genesis")))
    };
    processes
        .iter()
        .filter(|(process, (_, words))| part(words) && descends(**process))
        .map(|(process, (_, words))| (*process, words.split(' ').take(2).collect::<Vec<_>>().join(" ")))
        .collect()
}

/// Every process with its parent and its command line.
fn processes() -> BTreeMap<u32, (u32, String)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name in the parentheses may hold spaces; the parent is the second word after it.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ").trim().to_owned();
        if let Some(parent) = parent {
            found.insert(process, (parent, words));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn it_ends_with_the_turn_and_when_its_time_is_up() {
        let over = Arc::new(AtomicBool::new(true));
        assert!(kill(1, SOON, 1, over, Duration::from_hours(1)).await.is_empty());
        assert!(kill(1, SOON, 1, Arc::default(), SOON).await.is_empty());
    }
}
