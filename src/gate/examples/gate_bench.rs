//! Prints what a check costs: `cargo run -p genesis-gate --example gate_bench`.

use std::time::Instant;

use genesis_core::task::Language;
use genesis_gate::Gate;

const ELEVEN_LINES: &str = "\
import math
from collections import Counter


def solve(numbers, limit):
    counts = Counter(numbers)
    total = 0
    for number, count in counts.items():
        if number < limit:
            total += math.isqrt(number) * count
    return total
";
const ROUNDS: u32 = 500;

fn main() {
    let started = Instant::now();
    let gate = Gate::default();
    println!("gate made in {} us", started.elapsed().as_micros());
    for (name, source) in [("11 lines", ELEVEN_LINES.to_owned()), ("110 lines", ELEVEN_LINES.repeat(10))] {
        let mut micros: Vec<u64> = (0..ROUNDS).map(|_| gate.check(Language::Python, &source).micros).collect();
        micros.sort_unstable();
        let at = |percent: usize| micros[(micros.len() - 1) * percent / 100];
        println!(
            "{name}: p50 {} us, p99 {} us, passed {}",
            at(50),
            at(99),
            gate.check(Language::Python, &source).passed
        );
    }
}
