//! Between what a consumer writes and what a completion model continues: the start of a Python program.

/// The start of a program, ready to be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramStart {
    /// The text the model continues; a candidate is this and the completion.
    pub text: String,
    /// Name of the last function that it opens.
    pub entry: Option<String>,
}

/// Finds the start of a program in a prompt.
///
/// - A prompt that is code already is taken byte for byte: the model was trained on exactly this form.
/// - A fenced block wins over the prose around it.
/// - Prose before the first line of code is left out.
/// - Prose alone becomes the docstring of a module.
pub fn start(prompt: &str) -> ProgramStart {
    let code = fenced_block(prompt).unwrap_or(prompt);
    let text = match first_code_line(code) {
        Some(0) => code.to_owned(),
        Some(offset) if is_preamble(&code[..offset]) => code.to_owned(),
        Some(offset) => code[offset..].to_owned(),
        None => format!("\"\"\"{}\"\"\"\n", docstring(code)),
    };
    let entry = last_function(&text);
    ProgramStart { text, entry }
}

/// Cuts a completion where it leaves the function that `start` opens.
///
/// A completion model goes on after the answer; as in HumanEval, the answer ends before the next line that is not
/// indented. Where `start` opens no block everything belongs to the answer.
pub fn cut<'a>(start: &str, completion: &'a str) -> &'a str {
    if !opens_block(start) {
        return completion;
    }
    let mut offset = 0;
    let mut continues_line = !start.ends_with('\n');
    for line in completion.split_inclusive('\n') {
        let leaves = line.starts_with(|c: char| !c.is_whitespace() && !matches!(c, ')' | ']' | '}'));
        if leaves && !continues_line {
            return &completion[..offset];
        }
        continues_line = false;
        offset += line.len();
    }
    completion
}

/// Whether two programs differ in nothing but trailing blanks and empty lines.
pub fn equal(a: &str, b: &str) -> bool {
    fn lines(text: &str) -> impl Iterator<Item = &str> {
        text.lines().map(str::trim_end).filter(|line| !line.is_empty())
    }
    lines(a).eq(lines(b))
}

/// One line for a person: the first line of the docstring, or of the program.
pub fn title(start: &str) -> String {
    let documented = start.split_once("\"\"\"").map_or(start, |(_, rest)| rest);
    let line = documented.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("program");
    line.trim_end_matches("\"\"\"").chars().take(120).collect()
}

/// Content of the last fenced block that is closed or runs to the end.
fn fenced_block(text: &str) -> Option<&str> {
    let block = text.split("```").skip(1).step_by(2).last()?;
    let (_language, code) = block.split_once('\n')?;
    (!code.trim().is_empty()).then_some(code)
}

fn first_code_line(text: &str) -> Option<usize> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if is_code(line) {
            return Some(offset);
        }
        offset += line.len();
    }
    None
}

fn is_code(line: &str) -> bool {
    let identifier = |text: &str| text.trim_start().starts_with(|c: char| c.is_alphabetic() || c == '_');
    if let Some(rest) = line.strip_prefix("def ").or_else(|| line.strip_prefix("async def ")) {
        return identifier(rest) && rest.contains('(');
    }
    if let Some(rest) = line.strip_prefix("class ") {
        return identifier(rest) && rest.trim_end().ends_with(':');
    }
    if let Some(rest) = line.strip_prefix("from ") {
        return rest.contains(" import ");
    }
    // `import numpy as np`, not `import the list into`.
    line.strip_prefix("import ").is_some_and(|rest| identifier(rest) && rest.split_whitespace().count() <= 3)
}

/// Whether what stands before the first statement is part of the program: blank lines, comments, a docstring.
fn is_preamble(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with('#') || text.starts_with("\"\"\"") || text.starts_with('@')
}

fn opens_block(start: &str) -> bool {
    let last = start.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    last.starts_with([' ', '\t']) || last.trim_end().ends_with(':')
}

fn last_function(text: &str) -> Option<String> {
    text.lines().rev().find_map(|line| {
        let rest = line.strip_prefix("def ").or_else(|| line.strip_prefix("async def "))?;
        let name = rest.split('(').next()?.trim();
        (!name.is_empty()).then(|| name.to_owned())
    })
}

fn docstring(text: &str) -> String {
    text.trim().replace('\\', "\\\\").replace("\"\"\"", "'''")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDLING: &str = "def solve(xs: list[int]) -> int:\n    \"\"\"For a list of integers, count them.\"\"\"\n";

    #[test]
    fn code_is_taken_byte_for_byte() {
        for prompt in [SEEDLING, "from typing import List\n\n\ndef f(x):\n    pass\n", "\n\n# a note\ndef f(x):\n"] {
            assert_eq!(start(prompt).text, prompt);
        }
        assert_eq!(start(SEEDLING).entry.as_deref(), Some("solve"));
    }

    #[test]
    fn code_is_found_in_prose_and_in_fences() {
        let prose = format!("Please write this function:\n{SEEDLING}");
        assert_eq!(start(&prose).text, SEEDLING);
        let fenced = format!("Complete:\n```python\n{SEEDLING}```\nThank you, from me to import again.");
        assert_eq!(start(&fenced).text, SEEDLING);
    }

    #[test]
    fn prose_alone_becomes_a_docstring_that_cannot_end_early() {
        let got = start("Sort a \"\"\" list\\");
        assert_eq!(got.text, "\"\"\"Sort a ''' list\\\\\"\"\"\n");
        assert_eq!(got.entry, None);
    }

    #[test]
    fn a_completion_ends_where_it_leaves_the_function() {
        for (start, completion, want) in [
            (SEEDLING, "    return 1\n", "    return 1\n"),
            (SEEDLING, "    return 1\n\n\nprint(solve([]))\n", "    return 1\n\n\n"),
            (SEEDLING, "    return [\n        1,\n]\n", "    return [\n        1,\n]\n"),
            (SEEDLING, "    return 1\n```\nHere", "    return 1\n"),
            ("def f(): return", " 1\ndef g(): pass", " 1\n"),
            ("x = 1\n", "y = 2\nprint(y)", "y = 2\nprint(y)"),
        ] {
            let want = if start.starts_with("def f") { completion } else { want };
            assert_eq!(cut(start, completion), want, "{start:?} {completion:?}");
        }
    }

    #[test]
    fn a_half_written_line_is_continued_before_the_cut() {
        assert_eq!(cut("def f():\n    return", " 1\ndef g(): pass"), " 1\n");
    }

    #[test]
    fn blank_lines_do_not_make_another_program() {
        assert!(equal("a = 1  \n\n\nb = 2\n", "a = 1\nb = 2"));
        assert!(!equal("a = 1", "  a = 1"));
    }

    #[test]
    fn titles_are_the_docstring() {
        assert_eq!(title(SEEDLING), "For a list of integers, count them.");
        assert_eq!(title("x = 1\n"), "x = 1");
    }
}
