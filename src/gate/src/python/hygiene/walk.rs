//! Where in a program each rule looks.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ExprAttribute, PatternKeyword, Stmt};
use ruff_text_size::Ranged;

use super::{Rules, fold, names};

impl<'a> Visitor<'a> for Rules<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.path(alias.name.as_str(), alias.range.start());
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                let before = self.findings.len();
                self.path(module, stmt.start());
                let named = if self.findings.len() == before { &import.names[..] } else { &[] };
                for alias in named {
                    if alias.name.as_str() == "*" && names::must_stay_before_a_dot(module) {
                        self.block("G203", alias.range.start(), format!("everything of module {module}"));
                    } else {
                        self.attribute(Some(module), alias.name.as_str(), alias.range.start());
                    }
                }
            }
            // A documentation string is not code.
            Stmt::Expr(expression) if expression.value.is_string_literal_expr() => {}
            Stmt::FunctionDef(function) => {
                // Decorators, defaults and annotations belong to the outer scope.
                for decorator in &function.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(type_params) = &function.type_params {
                    self.visit_type_params(type_params);
                }
                self.visit_parameters(&function.parameters);
                if let Some(returns) = &function.returns {
                    self.visit_annotation(returns);
                }
                self.scopes.enter_function(&function.parameters, &function.body);
                self.visit_body(&function.body);
                self.scopes.leave();
            }
            Stmt::ClassDef(class) => {
                for decorator in &class.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(type_params) = &class.type_params {
                    self.visit_type_params(type_params);
                }
                if let Some(arguments) = &class.arguments {
                    self.visit_arguments(arguments);
                }
                self.scopes.enter_class(&class.body);
                self.visit_body(&class.body);
                self.scopes.leave();
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Some(text) = fold::text(expr) {
            self.string(&text, expr.start());
            return;
        }
        match expr {
            Expr::Name(name) => self.name(name),
            Expr::Attribute(ExprAttribute { value, attr, .. }) => {
                let module = self.module_path(value);
                self.attribute(module.as_deref(), attr.as_str(), attr.range.start());
                // The name before the dot is judged with what follows it.
                let judged = matches!(&**value, Expr::Name(name) if self.scopes.module(name.id.as_str()).is_some());
                if !judged {
                    self.visit_expr(value);
                }
            }
            Expr::Call(call) => {
                self.call(call);
                visitor::walk_expr(self, expr);
            }
            Expr::Subscript(subscript) if Self::is_named_lookup(expr) => self.visit_expr(&subscript.slice),
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    self.visit_parameters(parameters);
                }
                self.scopes.enter_lambda(lambda.parameters.as_deref());
                self.visit_expr(&lambda.body);
                self.scopes.leave();
            }
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_pattern_keyword(&mut self, keyword: &'a PatternKeyword) {
        // `case object(__globals__=found)` reads an attribute.
        self.attribute(None, keyword.attr.as_str(), keyword.range.start());
        visitor::walk_pattern_keyword(self, keyword);
    }
}
