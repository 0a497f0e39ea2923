//! Rust as tokens: lines, functions, attributes.
//!
//! Tokens are enough for what tidy asks and cannot be fooled by comments or strings. A line of
//! code is a line that a token touches; documentation is a comment here, although to the
//! compiler it is an attribute.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// The tokens of one file.
#[derive(Debug)]
pub(crate) struct Code {
    tokens: TokenStream,
}

/// A function that has a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Where it begins.
    pub(crate) line: usize,
    /// Lines of code between its braces.
    pub(crate) lines: usize,
}

/// `#[name …]` or `#![name …]`.
#[derive(Debug)]
pub(crate) struct Attribute {
    /// Where it stands.
    pub(crate) line: usize,
    /// Whether it is about what it stands in (`#!`).
    pub(crate) inner: bool,
    /// What is between the brackets.
    tokens: Vec<TokenTree>,
}

impl Code {
    /// Cuts a file into tokens.
    pub(crate) fn parse(text: &str) -> Result<Code, String> {
        let tokens = text.parse().map_err(|error| format!("is not Rust: {error}"))?;
        Ok(Code { tokens })
    }

    /// How many lines of code there are, without documentation and tests.
    pub(crate) fn lines(&self) -> usize {
        let mut lines = BTreeSet::new();
        collect_lines(&self.tokens, Tests::Skipped, &mut lines);
        lines.len()
    }

    /// Every function with a body, also those inside of others.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        walk(&self.tokens, &mut |trees| found.extend(functions(trees)));
        found
    }

    /// The lines on which an identifier or keyword stands.
    pub(crate) fn lines_with(&self, word: &str) -> Vec<usize> {
        let mut found = Vec::new();
        walk(&self.tokens, &mut |trees| {
            let idents = trees.iter().filter(|tree| is_ident(tree, word));
            found.extend(idents.map(|tree| first_line(tree.span())));
        });
        found
    }

    /// Every attribute, in any depth.
    pub(crate) fn attributes(&self) -> Vec<Attribute> {
        let mut found = Vec::new();
        walk(&self.tokens, &mut |trees| {
            found.extend((0..trees.len()).filter_map(|at| Attribute::at(trees, at)));
        });
        found
    }
}

impl Attribute {
    /// The attribute whose `#` stands at a position.
    fn at(trees: &[TokenTree], at: usize) -> Option<Attribute> {
        if !is_punct(trees.get(at)?, '#') {
            return None;
        }
        let inner = is_punct(trees.get(at + 1)?, '!');
        let TokenTree::Group(group) = trees.get(at + 1 + usize::from(inner))? else { return None };
        (group.delimiter() == Delimiter::Bracket).then(|| Attribute {
            line: first_line(trees[at].span()),
            inner,
            tokens: group.stream().into_iter().collect(),
        })
    }

    /// Whether it is `name`, with or without arguments.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.tokens.first().is_some_and(|tree| is_ident(tree, name))
    }

    /// Whether a word stands in its arguments, in any depth.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        let mut found = false;
        walk(&self.tokens.iter().cloned().collect(), &mut |trees| {
            found |= trees.iter().any(|tree| is_ident(tree, word));
        });
        found
    }

    /// Whether what follows exists in tests only.
    fn is_test(&self) -> bool {
        let plain = self.tokens.last().is_some_and(|tree| is_ident(tree, "test"));
        plain || (self.is("cfg") && self.mentions("test") && !self.mentions("not"))
    }

    /// How many tokens it is long, `#` and all.
    fn length(&self) -> usize {
        2 + usize::from(self.inner)
    }
}

/// Whether tests count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tests {
    Counted,
    Skipped,
}

/// Adds every line that a token touches, documentation aside.
fn collect_lines(tokens: &TokenStream, tests: Tests, lines: &mut BTreeSet<usize>) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut in_test = false;
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        if let Some(attribute) = Attribute::at(&trees, at) {
            in_test |= tests == Tests::Skipped && !attribute.inner && attribute.is_test();
            if !attribute.is("doc") && !in_test {
                lines.insert(attribute.line);
            }
            at += attribute.length();
            continue;
        }
        at += 1;
        if in_test {
            in_test = !ends_item(tree);
            continue;
        }
        match tree {
            TokenTree::Group(group) => {
                lines.insert(first_line(group.span_open()));
                collect_lines(&group.stream(), tests, lines);
                lines.insert(last_line(group.span_close()));
            }
            other => lines.extend(first_line(other.span())..=last_line(other.span())),
        }
    }
}

/// The functions that begin in one run of tokens.
fn functions(trees: &[TokenTree]) -> Vec<Function> {
    let begins = |at: &usize| is_ident(&trees[*at], "fn");
    let mut found = Vec::new();
    for at in (0..trees.len()).filter(begins) {
        let Some(TokenTree::Ident(name)) = trees.get(at + 1) else { continue };
        let Some(TokenTree::Group(body)) = trees[at..].iter().find(|tree| ends_item(tree)) else {
            continue;
        };
        let mut lines = BTreeSet::new();
        collect_lines(&body.stream(), Tests::Counted, &mut lines);
        let line = first_line(trees[at].span());
        found.push(Function { name: name.to_string(), line, lines: lines.len() });
    }
    found
}

/// Shows every run of tokens between two delimiters, outermost first.
fn walk(tokens: &TokenStream, visit: &mut impl FnMut(&[TokenTree])) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    visit(&trees);
    for tree in &trees {
        if let TokenTree::Group(group) = tree {
            walk(&group.stream(), visit);
        }
    }
}

/// A semicolon or a block: what an item ends with.
fn ends_item(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        other => is_punct(other, ';'),
    }
}

fn is_ident(tree: &TokenTree, word: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(tree: &TokenTree, mark: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn first_line(span: Span) -> usize {
    span.start().line
}

fn last_line(span: Span) -> usize {
    span.end().line
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn documentation_comments_and_tests_are_no_code() {
        let text = "//! What.\n\n/// Doc.\n#[derive(Debug)]\nstruct A; // why\n/* more\n lines */\n\
                    #[cfg(test)]\nmod tests {\n    fn a() {}\n}\nfn b() {\n    // x\n    c();\n}\n";
        assert_eq!(Code::parse(text).unwrap().lines(), 5);
    }

    #[test]
    fn a_string_over_lines_counts_all_of_them() {
        assert_eq!(Code::parse("const A: &str = \"a\nb\nc\";").unwrap().lines(), 3);
    }

    #[test]
    fn functions_are_measured_between_their_braces() {
        let text = "trait T { fn a(); }\nfn b<const N: usize>() -> fn() {\n  x();\n\n  // y\n  if z {\n  }\n}\n";
        let functions = Code::parse(text).unwrap().functions();
        let found: Vec<_> = functions.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(found, [("b", 2, 3)]);
    }

    #[test]
    fn attributes_are_found_in_depth() {
        let code = Code::parse("mod a { #![forbid(unsafe_code)] #[x::test] fn f() {} }").unwrap();
        let attributes = code.attributes();
        assert!(attributes[0].inner && attributes[0].is("forbid"));
        assert!(attributes[0].mentions("unsafe_code"));
        assert!(attributes[1].is_test());
    }
}
