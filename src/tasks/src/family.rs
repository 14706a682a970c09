//! Families: typed chains of one to three operations, and the wall between their splits.

use genesis_core::task::Split;
use sha2::{Digest as _, Sha256};

use crate::operation::Operation;
use crate::value::ValueType;

/// Most operations a family chains.
pub const LONGEST_CHAIN: usize = 3;

/// A chain of operations; its tasks differ in forms, parameters and words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Family {
    /// Letter of the input type and the kinds: `L:f_parity>m_add>sum`.
    pub id: String,
    /// Which side of the wall it stands on.
    pub split: Split,
    /// Type of the input.
    pub input: ValueType,
    /// Type of the result.
    pub output: ValueType,
    /// The operations, as positions in the table.
    pub steps: Vec<usize>,
}

/// Why a string does not name a family.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a family: write the letter of the input type, a colon and the operations, as in L:f_parity>sum")]
pub struct InvalidFamily(String);

/// The split that a family belongs to, from its id alone.
///
/// Each pair of adjacent operations has a split, and a family takes the strictest of its pairs (sealed over dev over
/// loop over pre-training). So a sealed family holds a pair that no document and no loop task ever showed. A family
/// of one operation has no pair and is pre-training.
pub fn family_split(family: &str) -> Result<Split, InvalidFamily> {
    let invalid = || InvalidFamily(family.to_owned());
    let (input, chain) = family.split_once(':').ok_or_else(invalid)?;
    let kinds: Vec<&str> = chain.split('>').collect();
    let is_input = ValueType::INPUTS.iter().any(|value| input == value.letter().to_string());
    if !is_input || kinds.iter().any(|kind| kind.is_empty()) {
        return Err(invalid());
    }
    Ok(chain_split(&kinds))
}

fn chain_split(kinds: &[&str]) -> Split {
    kinds.windows(2).map(|pair| pair_split(pair[0], pair[1])).max().unwrap_or(Split::Pretraining)
}

/// The split of one pair: the first four bytes of SHA-256 of `first>second`, big-endian, modulo 100.
/// Under 12 is sealed, under 20 dev, under 38 loop, the rest pre-training.
fn pair_split(first: &str, second: &str) -> Split {
    let hash = Sha256::digest(format!("{first}>{second}"));
    match u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) % 100 {
        0..12 => Split::Sealed,
        12..20 => Split::Dev,
        20..38 => Split::Loop,
        _ => Split::Pretraining,
    }
}

/// All families of a table: every chain whose types fit, in which no operation occurs twice, and which counts up only
/// to small numbers.
pub fn enumerate(operations: &[Operation]) -> Vec<Family> {
    let mut families = Vec::new();
    for input in ValueType::INPUTS {
        extend(operations, input, input, &mut Vec::new(), &mut families);
    }
    families
}

fn extend(
    operations: &[Operation],
    input: ValueType,
    current: ValueType,
    chain: &mut Vec<usize>,
    families: &mut Vec<Family>,
) {
    if chain.len() == LONGEST_CHAIN {
        return;
    }
    for (position, operation) in operations.iter().enumerate() {
        let too_large = operation.needs_small_input && chain.last().is_some_and(|&last| !operations[last].small_result);
        if operation.input != current || chain.contains(&position) || too_large {
            continue;
        }
        chain.push(position);
        families.push(family(operations, input, operation.output, chain));
        extend(operations, input, operation.output, chain, families);
        chain.pop();
    }
}

fn family(operations: &[Operation], input: ValueType, output: ValueType, steps: &[usize]) -> Family {
    let kinds: Vec<&str> = steps.iter().map(|&step| operations[step].kind.as_str()).collect();
    Family {
        id: format!("{}:{}", input.letter(), kinds.join(">")),
        split: chain_split(&kinds),
        input,
        output,
        steps: steps.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::operation::table;

    #[test]
    fn the_splits_hold_as_many_families_as_the_readme_counts() {
        let families = enumerate(&table().unwrap());
        let of = |split| families.iter().filter(|family| family.split == split).count();
        assert_eq!(of(Split::Pretraining), 7_084);
        assert_eq!(of(Split::Loop), 3_891);
        assert_eq!(of(Split::Dev), 2_756);
        assert_eq!(of(Split::Sealed), 3_359);
        let ids: HashSet<&str> = families.iter().map(|family| family.id.as_str()).collect();
        assert_eq!(ids.len(), families.len(), "an id names one family");
    }

    #[test]
    fn no_stricter_pair_shows_in_a_laxer_split() {
        let operations = table().unwrap();
        for family in enumerate(&operations) {
            assert_eq!(family_split(&family.id), Ok(family.split));
            for pair in family.steps.windows(2) {
                let (first, second) = (&operations[pair[0]].kind, &operations[pair[1]].kind);
                assert!(pair_split(first, second) <= family.split, "{first}>{second} leaks into {}", family.id);
            }
        }
    }

    #[test]
    fn known_pairs_keep_their_split() {
        assert_eq!(family_split("L:f_parity"), Ok(Split::Pretraining));
        for (family, split) in KNOWN {
            assert_eq!(family_split(family), Ok(split), "{family}");
        }
    }

    const KNOWN: [(&str, Split); 4] = [
        ("L:f_parity>f_cmp", Split::Pretraining),
        ("L:f_parity>rev", Split::Loop),
        ("L:f_parity>take", Split::Dev),
        ("L:f_parity>rev>f_cmp>sort", Split::Sealed),
    ];

    #[test]
    fn what_is_no_family_is_refused() {
        for wrong in ["", "L", "L:", "X:sum", "B:sum", "L:a>>b", "L:>a"] {
            assert!(family_split(wrong).unwrap_err().to_string().contains("is not a family"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_longer_chain_is_never_laxer(kinds in proptest::collection::vec("[a-z]{1,6}", 2..6)) {
            let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
            prop_assert!(chain_split(&kinds[1..]) <= chain_split(&kinds));
            prop_assert!(chain_split(&kinds[..kinds.len() - 1]) <= chain_split(&kinds));
        }
    }
}
