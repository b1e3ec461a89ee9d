//! House rules that hold for every Rust file of the project.

use super::source::{Token, tokens};
use super::{File, assert_none, files};

const EVERYWHERE: &[&str] = &["src", "tests", "benches", "fuzz", "examples"];

/// The longest function, in lines from `fn` to its closing brace.
const LONGEST_FUNCTION: usize = 80;

/// Words that say nothing about what a module is.
const EMPTY_WORDS: &[&str] = &["manager", "handler", "helper", "util", "common", "context", "info", "data"];

#[test]
fn every_file_opens_with_what_it_is() {
    let silent = files(EVERYWHERE).into_iter().filter(|file| !file.text.starts_with("//! "));
    assert_none("files that do not open with `//!`", &silent.map(|file| file.name).collect::<Vec<_>>());
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let allowed = |tokens: &[&str]| matches!(tokens, ["#", "[", "allow", ..] | ["#", "!", "[", "allow"]);
    assert_none("`allow` attributes", &places(4, allowed));
    let bare = |tokens: &[&str]| matches!(tokens, ["#", "[", "expect", "(", .., "]"] if !tokens.contains(&"reason"));
    assert_none("`expect` attributes without a reason", &attributes(bare));
}

#[test]
fn no_test_is_ignored() {
    assert_none("ignored tests", &places(3, |tokens| matches!(tokens, ["#", "[", "ignore"])));
}

#[test]
fn nothing_is_left_to_do() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("HA", "CK")];
    let left = files(EVERYWHERE).into_iter().flat_map(|file| {
        let lines = file.text.lines().enumerate();
        let hits = lines
            .filter(|(_, line)| words.iter().any(|word| line.split(|c: char| !c.is_alphabetic()).any(|w| w == *word)));
        hits.map(|(at, _)| format!("{}:{}", file.name, at + 1)).collect::<Vec<_>>()
    });
    assert_none("lines that leave work", &left.collect::<Vec<_>>());
}

#[test]
fn the_binary_is_a_page() {
    let files = files(&["src"]);
    let main = files.iter().find(|file| file.name == "src/main.rs").expect("the binary's source");
    assert!(main.text.lines().count() <= 40, "src/main.rs is over 40 lines");
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let long = files(EVERYWHERE).into_iter().flat_map(|file| {
        let over = functions(&tokens(&file.text)).into_iter().filter(|function| function.lines > LONGEST_FUNCTION);
        over.map(|f| format!("{}:{} {} has {} lines", file.name, f.line, f.name, f.lines)).collect::<Vec<_>>()
    });
    assert_none("functions over 80 lines", &long.collect::<Vec<_>>());
}

#[test]
fn modules_are_called_what_they_are() {
    let empty = files(&["src", "tests", "benches"]).into_iter().filter(|file| {
        let words = file.name.split(|c: char| !c.is_alphanumeric());
        words
            .flat_map(|word| [word, word.trim_end_matches('s')])
            .any(|word| EMPTY_WORDS.contains(&word) || word == "kube")
    });
    assert_none("modules with empty names", &empty.map(|file| file.name).collect::<Vec<_>>());
}

/// Where `length` tokens in a row satisfy `wanted`.
fn places(length: usize, wanted: impl Fn(&[&str]) -> bool) -> Vec<String> {
    search(|tokens| {
        let windows = tokens.windows(length).filter(|window| wanted(&texts(window)));
        windows.map(|window| window[0].line).collect()
    })
}

/// Where an attribute, from `#` to `]`, satisfies `wanted`.
fn attributes(wanted: impl Fn(&[&str]) -> bool) -> Vec<String> {
    search(|tokens| {
        let starts = tokens.iter().enumerate().filter(|(_, token)| token.text == "#");
        let spans = starts.map(|(start, _)| {
            let outer: Vec<&Token> = tokens.iter().skip(start).filter(|token| token.text != "!").collect();
            let end = outer.iter().position(|token| token.text == "]").unwrap_or(0);
            (outer[0].line, outer.into_iter().take(end + 1).map(|token| token.text.as_str()).collect::<Vec<_>>())
        });
        spans.filter(|(_, span)| wanted(span)).map(|(line, _)| line).collect()
    })
}

fn search(lines: impl Fn(&[Token]) -> Vec<usize>) -> Vec<String> {
    let in_file = |file: File| lines(&tokens(&file.text)).into_iter().map(move |line| format!("{}:{line}", file.name));
    files(EVERYWHERE).into_iter().flat_map(in_file).collect()
}

fn texts(tokens: &[Token]) -> Vec<&str> {
    tokens.iter().map(|token| token.text.as_str()).collect()
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Every function with a body.
fn functions(tokens: &[Token]) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate().filter(|(_, pair)| pair[0].text == "fn") {
        let mut depth = 0_i32;
        for token in &tokens[at..] {
            match token.text.as_str() {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                ";" if depth == 0 => break,
                _ => continue,
            }
            if depth == 0 && token.text == "}" {
                let (name, line) = (pair[1].text.clone(), pair[0].line);
                found.push(Function { name, line, lines: token.line - line + 1 });
                break;
            }
        }
    }
    found
}

#[test]
fn functions_are_measured_from_their_first_line_to_their_last() {
    let text = "fn short() {}\ntrait T { fn none(&self); }\nfn long(\n  a: [u8; 2],\n) {\n  \"}\";\n  // }\n}\n";
    let found: Vec<_> = functions(&tokens(text)).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
    assert_eq!(found, [("short".to_owned(), 1, 1), ("long".to_owned(), 3, 6)]);
}
