//! Our own rules: what a program may import, and the known ways around such a rule.
//!
//! Ruff finds a direct `eval(…)`. It finds nothing in `__import__('os').system('ls')`, in
//! `getattr(__builtins__, 'ev' + 'al')('1')` or in `().__class__.__base__.__subclasses__()`. These rules name the
//! doors: modules, names, attributes and strings that a solution of a task has no use for. They are hygiene, not a
//! proof; the sandbox is the boundary.

mod fold;
mod names;
mod scope;
mod walk;

use std::collections::BTreeSet;

use ruff_python_ast::visitor::Visitor as _;
use ruff_python_ast::{Expr, ExprCall, ExprName, ModModule};
use ruff_text_size::{Ranged, TextSize};

use super::Findings;
use super::position::Positions;
use crate::policy::Capability;
use crate::verdict::Severity;
use names::Door;
use scope::Scopes;

/// The rules, with what they do, for the ruleset digest and for documentation.
const RULES: [(&str, &str); 11] = [
    ("G001", "the source is too long"),
    ("G002", "the source is nested too deep"),
    ("G003", "the analyser failed"),
    ("G004", "the analysis took too long"),
    ("G101", "a module or function outside the declared capabilities"),
    ("G102", "a module that runs code or loads modules"),
    ("G201", "a name of the interpreter's own machinery"),
    ("G202", "a built-in function that runs code, or reaches the built-ins as a value"),
    ("G203", "a module reached through another, or used as a value"),
    ("G204", "an attribute of the interpreter's own machinery"),
    ("G205", "a string that spells such a name"),
];
/// Warns: an attribute whose name is computed.
const COMPUTED_ATTRIBUTE: &str = "G301";

/// Every rule with its severity, and a digest-relevant list of the names it knows.
pub(super) fn rules() -> Vec<String> {
    let blocking = RULES.iter().map(|(rule, what)| format!("{rule} Block {what}"));
    let warning = format!("{COMPUTED_ATTRIBUTE} Warn an attribute whose name is computed");
    blocking.chain([warning, names::listed()]).collect()
}

/// Findings of our own rules in a module.
pub(super) fn check(module: &ModModule, capabilities: &BTreeSet<Capability>, positions: &Positions<'_>) -> Findings {
    let mut rules = Rules { capabilities, positions, scopes: Scopes::of_module(&module.body), findings: Vec::new() };
    rules.visit_body(&module.body);
    rules.findings
}

struct Rules<'a> {
    capabilities: &'a BTreeSet<Capability>,
    positions: &'a Positions<'a>,
    scopes: Scopes,
    findings: Findings,
}

impl Rules<'_> {
    fn block(&mut self, rule: &str, at: TextSize, message: String) {
        self.findings.push(self.positions.finding(rule, Severity::Block, at, message));
    }

    /// Judges the path of a module, or of something in one: `os.system`, `urllib.request.urlopen`.
    fn path(&mut self, path: &str, at: TextSize) {
        match names::door(path) {
            Some(Door::Needs(capability)) if !self.capabilities.contains(&capability) => {
                let need = format!("{capability:?}").to_lowercase();
                self.block("G101", at, format!("{path} needs the capability {need}, which the task does not declare"));
            }
            Some(Door::Machinery) => self.block("G102", at, format!("{path} runs code or loads modules")),
            Some(Door::Needs(_)) | None => {}
        }
    }

    /// Judges `base.attribute`, where `module` is the path of the base if it is an imported module.
    fn attribute(&mut self, module: Option<&str>, attribute: &str, at: TextSize) {
        if names::MACHINERY_ATTRIBUTES.contains(&attribute) {
            self.block("G204", at, format!("attribute {attribute} belongs to the interpreter's machinery"));
        } else if let Some(module) = module {
            if attribute == "__dict__" {
                self.block("G204", at, format!("the name space of module {module}"));
            } else if names::is_reached_module(attribute) {
                self.block("G203", at, format!("module {attribute} reached through {module}"));
            } else {
                self.path(&format!("{module}.{attribute}"), at);
            }
        }
    }

    /// A name that stands for itself, not before a dot.
    fn name(&mut self, name: &ExprName) {
        let (id, at) = (name.id.as_str(), name.range.start());
        if names::MACHINERY_NAMES.contains(&id) {
            self.block("G201", at, format!("{id} belongs to the interpreter's machinery"));
        } else if let Some(module) = self.scopes.module(id) {
            if names::must_stay_before_a_dot(&module) {
                self.block("G203", at, format!("module {module} used as a value"));
            }
        } else if names::CODE_RUNNERS.contains(&id) && !self.scopes.defines(id) {
            self.block("G202", at, format!("{id} runs code that is not in the source"));
        }
    }

    /// The path of an expression that is an imported module or something in one.
    fn module_path(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Name(name) => self.scopes.module(name.id.as_str()),
            Expr::Attribute(attribute) => {
                self.module_path(&attribute.value).map(|base| format!("{base}.{}", attribute.attr.as_str()))
            }
            _ => None,
        }
    }

    fn call(&mut self, call: &ExprCall) {
        let Expr::Name(function) = &*call.func else { return };
        let at = call.func.start();
        let id = function.id.as_str();
        if self.scopes.defines(id) {
            return;
        }
        let args = &call.arguments.args;
        match (id, args.first(), args.get(1)) {
            ("getattr" | "setattr" | "delattr" | "hasattr", Some(object), Some(attribute)) => {
                self.computed_attribute(object, attribute, at);
            }
            ("vars", Some(object), _) if self.module_path(object).is_some() => {
                self.block("G204", at, "the name space of a module".to_owned());
            }
            ("vars", None, _) => self.block("G202", at, "vars() hands out the name space".to_owned()),
            _ => {}
        }
    }

    /// `getattr(object, attribute)`: as if it were written with a dot, if its name can be told.
    fn computed_attribute(&mut self, object: &Expr, attribute: &Expr, at: TextSize) {
        let module = self.module_path(object);
        if let Some(name) = fold::text(attribute) {
            self.attribute(module.as_deref(), &name, at);
        } else if fold::has_dunder_part(attribute) {
            self.block("G204", at, "an attribute whose computed name has two underscores".to_owned());
        } else {
            let message = "an attribute whose name is computed".to_owned();
            self.findings.push(self.positions.finding(COMPUTED_ATTRIBUTE, Severity::Warn, at, message));
        }
    }

    fn string(&mut self, text: &str, at: TextSize) {
        if let Some(word) = names::MACHINERY_WORDS.iter().find(|word| text.contains(*word)) {
            self.block("G205", at, format!("a string that spells {word}"));
        }
    }

    /// `globals()['f']` is a table of functions; everything else that is done with it reaches the built-ins.
    fn is_named_lookup(expr: &Expr) -> bool {
        let Expr::Subscript(subscript) = expr else { return false };
        let Expr::Call(call) = &*subscript.value else { return false };
        let Expr::Name(function) = &*call.func else { return false };
        names::NAME_SPACES.contains(&function.id.as_str()) && fold::text(&subscript.slice).is_some()
    }
}
