//! Rust source as the architecture test reads it: tokens with their lines, and the paths they spell.
//!
//! Not a compiler: macros are read as the tokens they are given, and names are resolved through the `use` lines and
//! `mod` declarations of their own file only. That is enough to say which module or crate a path leads to.

use std::collections::{BTreeMap, BTreeSet};

/// A word, a `::`, one character of punctuation, or a literal, whose text is a `"` and what was between its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path and where it stands, resolved as far as the file allows: `crate::…`, `std::…`, a crate's name, or a local
/// name that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

impl Path {
    /// Whether the path is `prefix` (written with `::`) or leads below it.
    pub(crate) fn is_within(&self, prefix: &str) -> bool {
        let mut segments = self.segments.iter();
        prefix.split("::").all(|part| segments.next().is_some_and(|segment| segment == part))
    }
}

/// Splits source into tokens; comments are dropped.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    Lexer { rest: source, line: 1, tokens: Vec::new() }.run()
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn run(mut self) -> Vec<Token> {
        while let Some(first) = self.rest.chars().next() {
            let length = self.comment().or_else(|| self.literal());
            match length {
                Some(length) => self.take(length),
                None if first.is_alphanumeric() || first == '_' => {
                    let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                    self.push(end.unwrap_or(self.rest.len()));
                }
                None if self.rest.starts_with("::") => self.push(2),
                None if first.is_whitespace() => self.take(first.len_utf8()),
                None => self.push(first.len_utf8()),
            }
        }
        self.tokens
    }

    fn push(&mut self, length: usize) {
        let text = self.rest[..length].to_owned();
        self.tokens.push(Token { text, line: self.line });
        self.take(length);
    }

    fn take(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
    }

    /// The length of the comment that starts here.
    fn comment(&self) -> Option<usize> {
        if self.rest.starts_with("//") {
            return Some(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
        if !self.rest.starts_with("/*") {
            return None;
        }
        let mut depth = 0_usize;
        let mut at = 0;
        loop {
            let rest = &self.rest[at..];
            if rest.starts_with("/*") {
                depth += 1;
                at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                at += 2;
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
            if depth == 0 || at >= self.rest.len() {
                return Some(at.min(self.rest.len()));
            }
        }
    }

    /// The length of the string, character or lifetime that starts here; it leaves a token.
    fn literal(&mut self) -> Option<usize> {
        let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
            self.rest.strip_prefix(prefix).is_some_and(|rest| {
                rest.starts_with('"') || (prefix.ends_with('r') && rest.trim_start_matches('#').starts_with('"'))
            })
        });
        let length = match prefix {
            Some(prefix) if prefix.ends_with('r') => self.raw_string(prefix.len()),
            Some(prefix) => prefix.len() + quoted(&self.rest[prefix.len()..], '"'),
            None => self.character()?,
        };
        let text = self.rest[..length].trim_start_matches(|c: char| c != '"').trim_matches(['"', '#']);
        self.tokens.push(Token { text: format!("\"{text}"), line: self.line });
        Some(length)
    }

    fn raw_string(&self, prefix: usize) -> usize {
        let hashes = self.rest[prefix..].chars().take_while(|c| *c == '#').count();
        let close = format!("\"{}", "#".repeat(hashes));
        let body = prefix + hashes + 1;
        self.rest[body..].find(&close).map_or(self.rest.len(), |at| body + at + close.len())
    }

    fn character(&self) -> Option<usize> {
        let rest = self.rest.strip_prefix("b'").map_or(self.rest, |_| &self.rest[1..]);
        let offset = self.rest.len() - rest.len();
        let inside = rest.strip_prefix('\'')?;
        let mut characters = inside.chars();
        let (first, second) = (characters.next()?, characters.next()?);
        if first != '\\' && second != '\'' {
            let name = inside.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inside.len());
            return Some(offset + 1 + name);
        }
        Some(offset + quoted(rest, '\''))
    }
}

/// The length of a quoted literal with escapes, both quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            found if found == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A module marked `#[cfg(test)]` that lives in another file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TestModule {
    /// In the file that its name says.
    Named(String),
    /// In the file that its `#[path]` says.
    At(String),
}

/// The tokens without the items marked `#[cfg(test)]`, and the modules so marked that live in other files.
pub(crate) fn without_tests(tokens: &[Token]) -> (Vec<Token>, BTreeSet<TestModule>) {
    let mut kept = Vec::new();
    let mut modules = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            let end = item_end(tokens, at);
            let item: Vec<&str> = tokens[at..end].iter().map(|token| token.text.as_str()).collect();
            match item.as_slice() {
                [.., "path", "=", path, "]", "mod", _, ";"] => {
                    modules.insert(TestModule::At(path.trim_start_matches('"').to_owned()));
                }
                [.., "mod", name, ";"] => {
                    modules.insert(TestModule::Named((*name).to_owned()));
                }
                _ => {}
            }
            at = end;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    (kept, modules)
}

fn is_test_attribute(tokens: &[Token]) -> bool {
    let text: Vec<&str> = tokens.iter().take(7).map(|token| token.text.as_str()).collect();
    matches!(text.as_slice(), ["#", "[", "cfg", "(", "test", ")", ..] | ["#", "[", "cfg", "(", "any", "(", "test"])
}

/// Where the item that starts at `start` with its attributes ends: behind its first block or semicolon outside of
/// brackets.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Every path of a file whose module is `module` (`["proxy", "h1"]`), resolved.
pub(crate) fn paths(tokens: &[Token], module: &[String]) -> Vec<Path> {
    let mut reader =
        PathReader { tokens, at: 0, modules: module.to_vec(), open: Vec::new(), depth: 0, found: Vec::new() };
    reader.run();
    let PathReader { found, .. } = reader;
    let mut names: BTreeMap<String, Vec<String>> = declared_modules(tokens, module);
    for (path, name) in &found {
        if let Some(name) = name {
            names.insert(name.clone(), path.segments.clone());
        }
    }
    found.into_iter().map(|(path, name)| if name.is_some() { path } else { through(&names, path) }).collect()
}

/// Replaces a first segment that the file has imported or declared.
fn through(names: &BTreeMap<String, Vec<String>>, path: Path) -> Path {
    let Some(target) = path.segments.first().and_then(|first| names.get(first)) else { return path };
    let segments = target.iter().chain(path.segments.iter().skip(1)).cloned().collect();
    Path { segments, line: path.line }
}

fn declared_modules(tokens: &[Token], module: &[String]) -> BTreeMap<String, Vec<String>> {
    let child = |name: &str| {
        std::iter::once("crate").chain(module.iter().map(String::as_str)).chain([name]).map(str::to_owned).collect()
    };
    tokens
        .windows(3)
        .filter(|window| window[0].text == "mod" && matches!(window[2].text.as_str(), ";" | "{"))
        .map(|window| (window[1].text.clone(), child(&window[1].text)))
        .collect()
}

struct PathReader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// The module that the reader stands in.
    modules: Vec<String>,
    /// The depths at which inline modules were opened.
    open: Vec<usize>,
    depth: usize,
    /// Paths, with the name that a `use` line gives them.
    found: Vec<(Path, Option<String>)>,
}

impl PathReader<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    fn run(&mut self) {
        while self.at < self.tokens.len() {
            match self.text(self.at) {
                "use" => {
                    self.at += 1;
                    self.tree(Vec::new());
                }
                "mod" if self.text(self.at + 2) == "{" => {
                    self.modules.push(self.text(self.at + 1).to_owned());
                    self.open.push(self.depth);
                    self.at += 2;
                }
                "{" => {
                    self.depth += 1;
                    self.at += 1;
                }
                "}" => self.close(),
                _ => self.expression(),
            }
        }
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.open.last() == Some(&self.depth) {
            self.open.pop();
            self.modules.pop();
        }
        self.at += 1;
    }

    /// A path outside of `use`; a single word is none.
    fn expression(&mut self) {
        let line = self.tokens[self.at].line;
        let mut segments = Vec::new();
        if is_word(self.text(self.at)) && (self.at == 0 || self.text(self.at - 1) != "::" || !self.follows_path()) {
            segments.push(self.text(self.at).to_owned());
            while self.text(self.at + 1) == "::" && is_word(self.text(self.at + 2)) {
                segments.push(self.text(self.at + 2).to_owned());
                self.at += 2;
            }
        }
        if segments.len() > 1 {
            let segments = self.resolve(segments);
            self.found.push((Path { segments, line }, None));
        }
        self.at += 1;
    }

    /// Whether the `::` before this token continues a type in angle brackets rather than starting at the root.
    fn follows_path(&self) -> bool {
        self.at >= 2 && (is_word(self.text(self.at - 2)) || self.text(self.at - 2) == ">")
    }

    /// One tree of a `use` line, up to the `;`, `,` or `}` behind it.
    fn tree(&mut self, mut segments: Vec<String>) {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        loop {
            match self.text(self.at) {
                "::" => self.at += 1,
                "{" => return self.group(&segments),
                word if is_word(word) && word != "as" => {
                    segments.push(word.to_owned());
                    self.at += 1;
                }
                "*" => {
                    self.at += 1;
                    break self.found.push((Path { segments: self.resolve(segments), line }, None));
                }
                _ => break self.name(segments, line),
            }
        }
    }

    fn group(&mut self, prefix: &[String]) {
        self.at += 1;
        while !matches!(self.text(self.at), "}" | "") {
            self.tree(prefix.to_vec());
            if self.text(self.at) == "," {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    /// Ends a tree at a name, or at `as` and another.
    fn name(&mut self, mut segments: Vec<String>, line: usize) {
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let mut name = segments.last().cloned().unwrap_or_default();
        if self.text(self.at) == "as" {
            self.text(self.at + 1).clone_into(&mut name);
            self.at += 2;
        }
        self.found.push((Path { segments: self.resolve(segments), line }, Some(name)));
    }

    /// Makes `self` and `super` absolute.
    fn resolve(&self, segments: Vec<String>) -> Vec<String> {
        let mut base = self.modules.clone();
        let ups = segments.iter().take_while(|segment| *segment == "super" || *segment == "self").count();
        if ups == 0 {
            return segments;
        }
        for _ in segments.iter().take(ups).filter(|segment| *segment == "super") {
            base.pop();
        }
        let root = std::iter::once("crate".to_owned());
        root.chain(base).chain(segments.into_iter().skip(ups)).collect()
    }
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
}
