//! From the path of a field to its line. Block style only: what is written in braces has the line of its brace.

struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

enum Segment {
    Key(String),
    Index(usize),
}

/// The line of `spec.suites[0].uri`, counted from 1; of the nearest field around it where it is not written down.
pub(super) fn line_of(text: &[&str], path: &str) -> usize {
    let lines: Vec<Line<'_>> = text
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(|(number, line)| Line {
            number: number + 1,
            indent: line.len() - line.trim_start().len(),
            text: line.trim_start(),
        })
        .collect();
    let first = lines.first().map_or(1, |line| line.number);
    descend(&lines, &segments(path), first)
}

fn descend(lines: &[Line<'_>], path: &[Segment], found: usize) -> usize {
    let (Some(segment), Some(indent)) = (path.first(), lines.first().map(|line| line.indent)) else { return found };
    match segment {
        Segment::Key(key) => {
            let Some(at) = lines.iter().position(|line| line.indent == indent && has_key(line.text, key)) else {
                return found;
            };
            let rest = &lines[at + 1..];
            // A list may stand as far to the left as the key it belongs to.
            let end =
                rest.iter().position(|line| line.indent < indent || (line.indent == indent && !is_item(line.text)));
            descend(&rest[..end.unwrap_or(rest.len())], &path[1..], lines[at].number)
        }
        Segment::Index(index) => {
            let mut items = lines.iter().enumerate().filter(|(_, line)| line.indent == indent && is_item(line.text));
            let Some((at, item)) = items.nth(*index) else { return found };
            let end = items.next().map_or(lines.len(), |(next, _)| next);
            let text = item.text[1..].trim_start();
            let first = Line { number: item.number, indent: indent + item.text.len() - text.len(), text };
            let number = item.number;
            let rest = lines[at + 1..end].iter().map(|line| Line { ..*line });
            let inner: Vec<Line<'_>> = std::iter::once(first).chain(rest).collect();
            descend(&inner, &path[1..], number)
        }
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn has_key(text: &str, key: &str) -> bool {
    let rest = text.strip_prefix(key).or_else(|| text.strip_prefix(&format!("\"{key}\"")));
    rest.is_some_and(|rest| rest == ":" || rest.starts_with(": "))
}

fn segments(path: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        segments.extend(pieces.next().filter(|key| !key.is_empty()).map(|key| Segment::Key(key.to_owned())));
        segments.extend(pieces.filter_map(|piece| piece.trim_end_matches(']').parse().ok()).map(Segment::Index));
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_maps_and_lists() {
        let text = "kind: X\nspec:\n  # a remark\n  storage: { uri: file:///a }\n  suites:\n  - name: a\n    uri: b\n  -   name: c\n      uri: d\n  last: 1\n";
        let lines: Vec<&str> = text.lines().collect();
        for (path, line) in [
            ("kind", 1),
            ("spec.storage.uri", 4),
            ("spec.suites", 5),
            ("spec.suites[0].uri", 7),
            ("spec.suites[1].name", 8),
            ("spec.suites[1].uri", 9),
            ("spec.last", 10),
            ("spec.absent.deeper", 2),
            (".spec.last", 10),
        ] {
            assert_eq!(line_of(&lines, path), line, "{path}");
        }
    }
}
