//! Text from rows. Pure: no clock, no terminal; time, width and colour are arguments.

mod age;
mod list;
mod tree;

pub use age::age;
pub use list::list;
pub use tree::tree;

use jiff::Timestamp;

/// How to draw.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Now: ages count back from here.
    pub now: Timestamp,
    /// Colours are wanted.
    pub coloured: bool,
    /// All there is to tell, rather than what fits beside it.
    pub wide: bool,
}

/// Longest sentence beside a row that is not wide, characters.
const NARROW: usize = 100;

/// A sentence on one line, cut where it would not fit.
fn fitted(text: &str, wide: bool) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if wide || line.chars().count() <= NARROW {
        return line;
    }
    let mut cut: String = line.chars().take(NARROW - 1).collect();
    cut.push('…');
    cut
}

/// Pads to a width in characters, not bytes.
fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}

#[cfg(test)]
mod tests;
