//! What of PCRE the linear-time engine lacks, or reads differently, found by a walk over the expression.

use super::PathPatternError;

/// Finds the first construct that the engine lacks or reads differently.
pub(super) fn check(path: &str) -> Result<(), PathPatternError> {
    let mut scan = Scan { rest: path, in_class: false, after_quantifier: false };
    while let Some(step) = scan.next_construct() {
        step?;
    }
    Ok(())
}

/// A walk over an expression, character by character.
struct Scan<'p> {
    rest: &'p str,
    /// Whether the walk is inside `[…]`.
    in_class: bool,
    after_quantifier: bool,
}

impl Scan<'_> {
    fn next_construct(&mut self) -> Option<Result<(), PathPatternError>> {
        let first = self.rest.chars().next()?;
        let found = if first == '\\' {
            self.escape()
        } else if self.in_class {
            self.inside_class(first)
        } else {
            self.outside_class(first)
        };
        Some(found)
    }

    fn advance(&mut self, octets: usize) {
        self.rest = self.rest.get(octets..).unwrap_or_default();
    }

    fn escape(&mut self) -> Result<(), PathPatternError> {
        let second = self.rest.chars().nth(1);
        let text = self.excerpt(2);
        if !self.in_class {
            match second {
                Some('1'..='9' | 'k') => return Err(backtracking("a backreference", text)),
                Some('g') => return Err(backtracking("a backreference or subroutine", text)),
                Some('G' | 'K') => return Err(backtracking("a match-position escape", text)),
                Some('Q' | 'E' | 'R' | 'X' | 'C' | 'h' | 'H' | 'N' | 'Z' | '<' | '>') => {
                    return Err(ambiguous("a PCRE escape", text));
                }
                Some(_) | None => {}
            }
        }
        self.advance(1 + second.map_or(0, char::len_utf8));
        self.after_quantifier = false;
        Ok(())
    }

    fn inside_class(&mut self, first: char) -> Result<(), PathPatternError> {
        if ["&&", "--", "~~"].iter().any(|operator| self.rest.starts_with(operator)) {
            return Err(ambiguous("a doubled character in a class", self.excerpt(2)));
        }
        if first == '[' && !self.rest.starts_with("[:") {
            return Err(ambiguous("a bracket in a class", self.excerpt(2)));
        }
        if let Some(end) = self.rest.strip_prefix("[:").and_then(|rest| rest.find(":]")) {
            self.advance(end + 4);
            return Ok(());
        }
        if first == ']' {
            self.in_class = false;
        }
        self.advance(first.len_utf8());
        Ok(())
    }

    fn outside_class(&mut self, first: char) -> Result<(), PathPatternError> {
        match first {
            '[' => {
                self.in_class = true;
                self.after_quantifier = false;
                let negation = if self.rest.starts_with("[^") { 2 } else { 1 };
                self.advance(negation);
                if self.rest.starts_with(']') {
                    self.advance(1);
                }
                return Ok(());
            }
            '(' => self.group()?,
            '+' if self.after_quantifier => return Err(backtracking("a possessive quantifier", self.excerpt(1))),
            '{' if !self.is_repetition() => return Err(ambiguous("a brace that repeats nothing", self.excerpt(3))),
            _ => {}
        }
        let lazy_or_more = first == '?' && self.after_quantifier;
        self.after_quantifier = matches!(first, '*' | '+' | '?' | '}') && !lazy_or_more;
        self.advance(first.len_utf8());
        Ok(())
    }

    /// Whether the brace in front begins `{n}`, `{n,}` or `{n,m}`.
    fn is_repetition(&self) -> bool {
        let Some((inside, _)) = self.rest.get(1..).and_then(|rest| rest.split_once('}')) else { return false };
        let (from, to) = inside.split_once(',').unwrap_or((inside, "0"));
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        !from.is_empty() && number(from) && number(to)
    }

    fn group(&self) -> Result<(), PathPatternError> {
        const REFUSED: &[(&str, &str)] = &[
            ("(?=", "lookahead"),
            ("(?!", "negative lookahead"),
            ("(?<=", "lookbehind"),
            ("(?<!", "negative lookbehind"),
            ("(?>", "an atomic group"),
            ("(?|", "a branch-reset group"),
            ("(?R", "recursion"),
            ("(?&", "a subroutine call"),
            ("(?P>", "a subroutine call"),
            ("(?P=", "a backreference"),
            ("(?(", "a conditional group"),
            ("(?C", "a callout"),
            ("(*", "a backtracking verb"),
        ];
        if let Some((opening, construct)) = REFUSED.iter().find(|(opening, _)| self.rest.starts_with(opening)) {
            return Err(backtracking(construct, (*opening).to_owned()));
        }
        let numbered = self.rest.strip_prefix("(?").map(|rest| rest.trim_start_matches(['+', '-']));
        if numbered.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            return Err(backtracking("recursion", self.excerpt(3)));
        }
        if self.rest.starts_with("(?#") {
            return Err(ambiguous("a comment", self.excerpt(3)));
        }
        Ok(())
    }

    fn excerpt(&self, characters: usize) -> String {
        self.rest.chars().take(characters).collect()
    }
}

fn backtracking(construct: &'static str, text: String) -> PathPatternError {
    PathPatternError::Backtracking { construct, text }
}

fn ambiguous(construct: &'static str, text: String) -> PathPatternError {
    PathPatternError::Ambiguous { construct, text }
}
