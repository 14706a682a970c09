use super::{Style, age, fitted, padded};
use crate::nodes::Node;
use crate::sign::Sign;

const COLUMNS: [&str; 5] = ["NAME", "KIND", "STATUS", "AGE", "INFO"];

struct Row {
    name: String,
    kind: String,
    sign: Sign,
    status: String,
    age: String,
    info: String,
}

/// Trees under one heading.
pub fn tree(roots: &[Node], style: Style) -> String {
    let mut rows = Vec::new();
    for root in roots {
        collect(root, "", "", style, &mut rows);
    }
    let widest = |heading: &str, cell: &dyn Fn(&Row) -> usize| {
        rows.iter().map(cell).chain([heading.chars().count()]).max().unwrap_or(0) + 2
    };
    let name = widest(COLUMNS[0], &|row| row.name.chars().count());
    let kind = widest(COLUMNS[1], &|row| row.kind.chars().count());
    let status = widest(COLUMNS[2], &|row| row.status.chars().count());
    let years = widest(COLUMNS[3], &|row| row.age.chars().count());
    let line = |cells: [&str; 5], painted: &dyn Fn(&str) -> String| {
        let [first, second, third, fourth, fifth] = cells;
        let (first, second) = (padded(first, name), padded(second, kind));
        let (third, fourth) = (painted(&padded(third, status)), padded(fourth, years));
        format!("{first}{second}{third}{fourth}{fifth}").trim_end().to_owned() + "\n"
    };
    let mut text = line(COLUMNS, &str::to_owned);
    for row in &rows {
        let paint = |cell: &str| row.sign.paint(cell, style.coloured);
        text += &line([&row.name, &row.kind, &row.status, &row.age, &row.info], &paint);
    }
    text
}

fn collect(node: &Node, branch: &str, below: &str, style: Style, rows: &mut Vec<Row>) {
    rows.push(Row {
        name: format!("{branch}{}", node.name),
        kind: node.kind.clone(),
        sign: node.sign,
        status: format!("{} {}", node.sign.icon(), node.status),
        age: age(node.since, style.now),
        info: fitted(&node.info, style.wide),
    });
    for (place, child) in node.children.iter().enumerate() {
        let last = place + 1 == node.children.len();
        let (twig, rest) = if last { ("└──", "   ") } else { ("├──", "│  ") };
        collect(child, &format!("{below}{twig}"), &format!("{below}{rest}"), style, rows);
    }
}
