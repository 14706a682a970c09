//! Programs: the body of `solve` for a chain of steps.

use crate::parameters::Parameters;
use crate::template::{Code, Variables};
use crate::value::ValueType;

/// Name of the function every task asks for.
pub const ENTRY: &str = "solve";

/// One step of a program.
#[derive(Clone, Copy, Debug)]
pub enum Link<'a> {
    /// A step as a template programs it.
    Step {
        /// The template.
        code: &'a Code,
        /// Values of its placeholders.
        parameters: &'a Parameters,
        /// Type of the step's result.
        output: ValueType,
    },
    /// A constant in the place of a step.
    Constant {
        /// A Python literal.
        literal: &'a str,
        /// Its type.
        output: ValueType,
    },
}

/// The body of a function that takes `input` and runs the links one after another, four spaces deep.
/// Without links it returns its input.
///
/// An expression is assigned to the variable of its type, or returned where it comes last. A block leaves its result
/// in `out` (`res` where its input is already called `out`), or in `total` where it is an integer.
pub fn body(input: ValueType, links: &[Link<'_>]) -> String {
    let mut lines = Vec::new();
    let mut variable = input.variable();
    for (position, link) in links.iter().enumerate() {
        let last = position + 1 == links.len();
        let (expression, output) = match *link {
            Link::Constant { literal, output } => (literal.to_owned(), output),
            Link::Step { code: Code::Expression(line), parameters, output } => {
                (line.fill(parameters, Variables { input: variable, output: output.variable() }), output)
            }
            Link::Step { code: Code::Block(block), parameters, output } => {
                let result = match output {
                    ValueType::Integer => "total",
                    _ if variable == "out" => "res",
                    _ => "out",
                };
                let variables = Variables { input: variable, output: result };
                lines.extend(block.iter().map(|line| line.fill(parameters, variables)));
                variable = result;
                if last {
                    lines.push(format!("return {result}"));
                }
                continue;
            }
        };
        if last {
            lines.push(format!("return {expression}"));
        } else {
            variable = output.variable();
            lines.push(format!("{variable} = {expression}"));
        }
    }
    if links.is_empty() {
        lines.push(format!("return {variable}"));
    }
    lines.iter().map(|line| format!("    {line}\n")).collect()
}
