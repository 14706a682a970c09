//! The six signs that stand before a status, and their colours.

/// How something is, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, serde::Serialize)]
pub enum Sign {
    /// As it should be.
    Good,
    /// At work.
    Working,
    /// Waits for its turn or for something else.
    Waiting,
    /// Held by a person.
    Held,
    /// Ended otherwise than hoped, and nothing is broken.
    Warning,
    /// Broken.
    Bad,
}

impl Sign {
    /// The character.
    pub fn icon(self) -> char {
        match self {
            Self::Good => '✔',
            Self::Working => '◌',
            Self::Waiting => '◷',
            Self::Held => '॥',
            Self::Warning => '⚠',
            Self::Bad => '✖',
        }
    }

    /// The SGR code of its colour.
    fn colour(self) -> u8 {
        match self {
            Self::Good => 32,
            Self::Working => 36,
            Self::Waiting | Self::Held => 33,
            Self::Warning => 35,
            Self::Bad => 31,
        }
    }

    /// Text in its colour, where colours are wanted.
    pub fn paint(self, text: &str, coloured: bool) -> String {
        if coloured { format!("\u{1b}[{}m{text}\u{1b}[0m", self.colour()) } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_added_only_where_it_is_wanted() {
        assert_eq!(Sign::Bad.paint("x", false), "x");
        assert_eq!(Sign::Bad.paint("x", true), "\u{1b}[31mx\u{1b}[0m");
    }
}
