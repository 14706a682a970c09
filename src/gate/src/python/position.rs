//! From byte offsets to lines and columns.

use ruff_text_size::TextSize;

use crate::verdict::{Finding, Severity};

/// The starts of a source's lines.
pub(super) struct Positions<'a> {
    source: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Positions<'a> {
    pub(super) fn of(source: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { source, line_starts }
    }

    /// Line and column in characters, both from 1.
    fn of_offset(&self, offset: TextSize) -> (u32, u32) {
        let offset = offset.to_usize().min(self.source.len());
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = self.source.get(start..offset).map_or(0, |before| before.chars().count());
        (line as u32, column as u32 + 1)
    }

    /// A finding at an offset.
    pub(super) fn finding(&self, rule: &str, severity: Severity, offset: TextSize, message: String) -> Finding {
        let (line, column) = self.of_offset(offset);
        Finding { rule: rule.to_owned(), severity, line, column, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        let positions = Positions::of("é = 1\nab\n");
        for (offset, want) in [(0, (1, 1)), (2, (1, 2)), (7, (2, 1)), (9, (2, 3)), (10, (3, 1)), (99, (3, 1))] {
            assert_eq!(positions.of_offset(TextSize::from(offset)), want, "{offset}");
        }
    }
}
