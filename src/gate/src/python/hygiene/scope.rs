//! Which names are imported modules, and which built-in names the program has defined itself.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::{Expr, Parameters, Stmt};

/// Names of one scope.
#[derive(Default)]
struct Scope {
    /// Name → path of the module or of what was imported from one. An import counts wherever it stands in the scope,
    /// and whatever else is assigned to the name: a decoy must not hide it.
    imported: BTreeMap<String, String>,
    /// Names that are defined for certain: parameters, and `def` and `class` at the scope's own level.
    defined: BTreeSet<String>,
    /// Every name that is bound in the scope, in whatever way.
    bound: BTreeSet<String>,
    class: bool,
}

/// The scopes around a place in the program.
pub(super) struct Scopes {
    stack: Vec<Scope>,
    /// Names that a `del` or a `global` mentions anywhere: their definition proves nothing.
    undone: BTreeSet<String>,
}

impl Scopes {
    pub(super) fn of_module(body: &[Stmt]) -> Self {
        let mut undone = Undone::default();
        undone.visit_body(body);
        Self { stack: vec![Scope::of(body)], undone: undone.names }
    }

    pub(super) fn enter_function(&mut self, parameters: &Parameters, body: &[Stmt]) {
        let mut scope = Scope::of(body);
        scope.parameters(parameters);
        self.stack.push(scope);
    }

    pub(super) fn enter_lambda(&mut self, parameters: Option<&Parameters>) {
        let mut scope = Scope::default();
        if let Some(parameters) = parameters {
            scope.parameters(parameters);
        }
        self.stack.push(scope);
    }

    pub(super) fn enter_class(&mut self, body: &[Stmt]) {
        self.stack.push(Scope { class: true, ..Scope::of(body) });
    }

    pub(super) fn leave(&mut self) {
        self.stack.pop();
    }

    /// Scopes that a name is looked up in, the innermost first. A class's names are not seen from its methods.
    fn visible(&self) -> impl Iterator<Item = &Scope> {
        let innermost = self.stack.len() - 1;
        self.stack
            .iter()
            .enumerate()
            .rev()
            .filter(move |(i, scope)| *i == innermost || !scope.class)
            .map(|(_, scope)| scope)
    }

    /// The path that the name was imported from, if it may be an import.
    pub(super) fn module(&self, name: &str) -> Option<String> {
        let scope = self.visible().find(|scope| scope.imported.contains_key(name) || scope.bound.contains(name))?;
        scope.imported.get(name).cloned()
    }

    /// Whether the program itself defines the name, so that it is not the built-in function.
    pub(super) fn defines(&self, name: &str) -> bool {
        !self.undone.contains(name) && self.visible().any(|scope| scope.defined.contains(name))
    }
}

impl Scope {
    fn of(body: &[Stmt]) -> Self {
        let mut scope = Self::default();
        for stmt in body {
            match stmt {
                Stmt::FunctionDef(function) => {
                    scope.defined.insert(function.name.to_string());
                }
                Stmt::ClassDef(class) => {
                    scope.defined.insert(class.name.to_string());
                }
                _ => {}
            }
        }
        let mut bindings = Bindings { scope };
        bindings.visit_body(body);
        bindings.scope
    }

    fn parameters(&mut self, parameters: &Parameters) {
        for parameter in parameters {
            self.defined.insert(parameter.name().to_string());
            self.bound.insert(parameter.name().to_string());
        }
    }
}

/// Collects the bindings of one scope, without those of the scopes inside it.
struct Bindings {
    scope: Scope,
}

impl Bindings {
    fn target(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => {
                self.scope.bound.insert(name.id.to_string());
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.target(target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.target(target)),
            Expr::Starred(starred) => self.target(&starred.value),
            _ => {}
        }
    }

    fn import(&mut self, name: &str, path: String) {
        self.scope.imported.insert(name.to_owned(), path);
    }
}

impl<'a> StatementVisitor<'a> for Bindings {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let path = alias.name.as_str();
                    if let Some(name) = &alias.asname {
                        self.import(name.as_str(), path.to_owned());
                    } else {
                        // `import os.path` binds `os`.
                        let top = path.split('.').next().unwrap_or(path);
                        self.import(top, top.to_owned());
                    }
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    self.import(name.as_str(), format!("{module}.{}", alias.name.as_str()));
                }
            }
            Stmt::FunctionDef(function) => {
                self.scope.bound.insert(function.name.to_string());
            }
            Stmt::ClassDef(class) => {
                self.scope.bound.insert(class.name.to_string());
            }
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.target(target)),
            Stmt::AnnAssign(assign) => self.target(&assign.target),
            Stmt::For(each) => {
                self.target(&each.target);
                walk_stmt(self, stmt);
            }
            Stmt::With(with) => {
                with.items
                    .iter()
                    .filter_map(|item| item.optional_vars.as_deref())
                    .for_each(|target| self.target(target));
                walk_stmt(self, stmt);
            }
            _ => walk_stmt(self, stmt),
        }
    }
}

#[derive(Default)]
struct Undone {
    names: BTreeSet<String>,
}

impl<'a> StatementVisitor<'a> for Undone {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Delete(delete) => {
                let names = delete.targets.iter().filter_map(|target| target.as_name_expr());
                self.names.extend(names.map(|name| name.id.to_string()));
            }
            Stmt::Global(global) => self.names.extend(global.names.iter().map(ToString::to_string)),
            _ => {}
        }
        walk_stmt(self, stmt);
    }
}
