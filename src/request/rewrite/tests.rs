//! Rewrites of targets, as text.

use super::*;
use crate::ir::Pattern;

fn rewritten(pattern: &str, template: &str, target: &str) -> Result<String, u16> {
    let template = Template::parse(template);
    run(pattern, RewriteTarget::Path(template), target)
}

fn redirected(pattern: &str, template: &str, target: &str) -> Result<String, u16> {
    let template = Template::parse(template);
    run(pattern, RewriteTarget::Redirect(template), target)
}

fn run(pattern: &str, template: RewriteTarget, target: &str) -> Result<String, u16> {
    let rewrite = Rewrite { pattern: Pattern::new(&format!("(?i){pattern}")).unwrap(), target: template };
    let mut path = Vec::new();
    let canonical = path::canonicalize(target.as_bytes(), &mut path).unwrap();
    let matched = Matched::find(&rewrite, &path, &mut RegexScratch::default());
    match apply(&rewrite, &matched, canonical.query) {
        Ok(Rewritten::Unmatched) => Ok("unmatched".to_owned()),
        Ok(Rewritten::Target(text) | Rewritten::Redirect(text)) => Ok(String::from_utf8(text).unwrap()),
        Err(rejected) => Err(rejected.status),
    }
}

#[test]
fn the_whole_target_is_replaced_with_captures() {
    assert_eq!(rewritten("/something(/|$)(.*)", "/$2", "/something/new?a=b").as_deref(), Ok("/new?a=b"));
    assert_eq!(rewritten("/something(/|$)(.*)", "/$2", "/something").as_deref(), Ok("/"));
    assert_eq!(rewritten("/foo", "/bar", "/x/FOO/y").as_deref(), Ok("/bar"));
    assert_eq!(rewritten("/(a)?(b)", "/${2}-$1-$3", "/b").as_deref(), Ok("/b--"));
}

#[test]
fn a_pattern_that_does_not_match_changes_nothing() {
    assert_eq!(rewritten("^/foo", "/bar", "/baz").as_deref(), Ok("unmatched"));
}

#[test]
fn the_query_is_appended_joined_or_dropped() {
    assert_eq!(rewritten("/a", "/b?x=1", "/a?y=2").as_deref(), Ok("/b?x=1&y=2"));
    assert_eq!(rewritten("/a", "/b?x=1", "/a").as_deref(), Ok("/b?x=1"));
    assert_eq!(rewritten("/a", "/b?", "/a?y=2").as_deref(), Ok("/b"));
    assert_eq!(rewritten("/a", "/b?x=1?", "/a?y=2").as_deref(), Ok("/b?x=1"));
    assert_eq!(rewritten("/a", "/b", "/a?").as_deref(), Ok("/b"));
    assert_eq!(rewritten("/a", "/b", "/a?q=%zz?r").as_deref(), Ok("/b?q=%zz?r"));
}

#[test]
fn captures_are_encoded_for_their_place() {
    assert_eq!(rewritten("/a/(.*)", "/b/$1", "/a/%C3%A9%20%3Fx%23%25").as_deref(), Ok("/b/%C3%A9%20%3Fx%23%25"));
    assert_eq!(rewritten("/a/(.*)", "/b?p=$1", "/a/x%26y=1/z").as_deref(), Ok("/b?p=x%26y%3D1%2Fz"));
    assert_eq!(rewritten("/a/(.*)", "/b/$1", "/a/%0d%0aX:y").as_deref(), Ok("/b/%0D%0AX:y"));
    assert_eq!(rewritten("/a/(.*)", "/b/$1", "/a/%ff%fe").as_deref(), Ok("/b/%FF%FE"));
}

#[test]
fn escapes_of_the_template_are_not_encoded_twice() {
    assert_eq!(rewritten("/a", "/b%20c/é%", "/a").as_deref(), Ok("/b%20c/%C3%A9%25"));
}

#[test]
fn a_capture_is_not_decoded_again() {
    assert_eq!(rewritten("/a/(.*)", "/b/$1", "/a/%252e%252e/x").as_deref(), Ok("/b/%252e%252e/x"));
}

#[test]
fn what_is_left_is_a_path() {
    assert_eq!(rewritten("/a(.*)", "$1", "/a").as_deref(), Ok("/"));
    assert_eq!(rewritten("/a(.*)", "$1", "/abc").as_deref(), Ok("/bc"));
    assert_eq!(rewritten("/a(.*)", "/$1", "/a/b").as_deref(), Ok("/b"));
}

#[test]
fn parent_segments_that_a_rewrite_makes_are_refused() {
    assert_eq!(rewritten("/api(.*)", "/$1", "/api../secret"), Err(400));
    assert_eq!(rewritten("/api(.*)", "/v1/$1", "/api../secret"), Err(400));
    assert_eq!(rewritten("/api(.)(.)", "/$1$2/x", "/api.."), Err(400));
    assert_eq!(rewritten("/api(.*)", "/v1/$1", "/api./x").as_deref(), Ok("/v1/x"));
}

#[test]
fn an_absolute_template_redirects() {
    assert_eq!(redirected("/a/(.*)", "https://h/$1", "/a/b%20c?q=1").as_deref(), Ok("https://h/b%20c?q=1"));
    assert_eq!(redirected("/a/(.*)", "https://h/x?y=$1", "/a/b%26c?q=1").as_deref(), Ok("https://h/x?y=b%26c&q=1"));
    assert_eq!(redirected("/a", "https://h/x?", "/a?q=1").as_deref(), Ok("https://h/x"));
    assert_eq!(redirected("(.*)", "https://h$1", "/a").as_deref(), Ok("https://h/a"));
}

#[test]
fn a_capture_cannot_forge_an_authority_or_a_field() {
    assert_eq!(redirected("/a(.*)", "https://h$1", "/a@evil.com/").as_deref(), Ok("https://h%40evil.com%2F"));
    assert_eq!(redirected("/a/(.*)", "https://h/$1", "/a/%0d%0aX:%201").as_deref(), Ok("https://h/%0D%0AX:%201"));
}
