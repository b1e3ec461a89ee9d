//! Targets in, canonical paths out.

use proptest::prelude::*;

use super::*;

fn canonical(target: &str) -> Result<(String, DotSegments), PathError> {
    let mut path = Vec::new();
    let found = canonicalize(target.as_bytes(), &mut path)?;
    Ok((path.escape_ascii().to_string(), found.dot_segments))
}

#[test]
fn a_path_is_decoded_merged_and_resolved() {
    let cases = [
        ("/", "/"),
        ("/foo", "/foo"),
        ("/foo/?q=/../", "/foo/"),
        ("/a%2Fb", "/a/b"),
        ("/%61%2f%2F%62", "/a/b"),
        ("//a///b//", "/a/b/"),
        ("/a/b/..", "/a/"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/./a/%2e%2E/b", "/b"),
        ("/a//../b", "/b"),
        ("/a%2f..%2fb", "/b"),
        ("/a;x/..;/b", "/a;x/..;/b"),
        ("/.../.a/a.", "/.../.a/a."),
        ("/%252e%252e/x", "/%2e%2e/x"),
        ("/%C3%A9%ff", "/\\xc3\\xa9\\xff"),
        ("/..%5c..%5Cx", "/..\\\\..\\\\x"),
        ("/a%3Fb%23c%25", "/a?b#c%"),
        ("/{a}|\"b\"^", "/{a}|\\\"b\\\"^"),
    ];
    for (target, path) in cases {
        assert_eq!(canonical(target).map(|(path, _)| path).as_deref(), Ok(path), "{target}");
    }
}

#[test]
fn what_has_no_canonical_form_is_refused() {
    let cases = [
        ("", PathError::NotAbsolute),
        ("*", PathError::NotAbsolute),
        ("foo", PathError::NotAbsolute),
        ("http://h/", PathError::NotAbsolute),
        ("?q", PathError::NotAbsolute),
        ("/..", PathError::AboveRoot),
        ("/a/../..", PathError::AboveRoot),
        ("/a//../../b", PathError::AboveRoot),
        ("/%2e%2e%2f", PathError::AboveRoot),
        ("/a%00", PathError::Nul),
        ("/%", PathError::BrokenEscape),
        ("/%4", PathError::BrokenEscape),
        ("/%zz", PathError::BrokenEscape),
        ("/%+1", PathError::BrokenEscape),
        ("/a\\b", PathError::Backslash),
        ("/é", PathError::IllegalOctet),
        ("/a b", PathError::IllegalOctet),
        ("/a\tb", PathError::IllegalOctet),
        ("/a\u{7f}", PathError::IllegalOctet),
        ("/a#b", PathError::Fragment),
        ("/a?b#c", PathError::Fragment),
        ("/a?b c", PathError::IllegalOctet),
        ("/a?é", PathError::IllegalOctet),
    ];
    for (target, error) in cases {
        assert_eq!(canonical(target), Err(error), "{target:?}");
    }
}

#[test]
fn dot_segments_are_reported_however_they_are_written() {
    for (target, dots) in [
        ("/a", DotSegments::None),
        ("//a", DotSegments::None),
        ("/.well-known", DotSegments::None),
        ("/a/.", DotSegments::Current),
        ("/%2E/a", DotSegments::Current),
        ("/a/%2e./b/.", DotSegments::Parent),
        ("/a%2F..", DotSegments::Parent),
    ] {
        assert_eq!(canonical(target).map(|(_, dots)| dots), Ok(dots), "{target}");
    }
}

#[test]
fn the_query_is_what_follows_the_first_mark() {
    let mut path = Vec::new();
    let query = |target: &'static str, path: &mut Vec<u8>| canonicalize(target.as_bytes(), path).map(|c| c.query);
    assert_eq!(query("/a?b?c=%zz\\", &mut path), Ok(Some(&b"b?c=%zz\\"[..])));
    assert_eq!(query("/a?", &mut path), Ok(Some(&b""[..])));
    assert_eq!(query("/a%3Fb", &mut path), Ok(None));
}

/// Targets that are mostly made of what canonicalising is about.
fn targets() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-c]".boxed(),
        4 => prop::sample::select(vec!["/", ".", "..", "/../", "/./", "//"]).prop_map(str::to_owned).boxed(),
        2 => prop::sample::select(vec!["%2e", "%2F", "%5c", "%25", "%3f", "%00", "%ff", "%C3%A9", "%"])
            .prop_map(str::to_owned).boxed(),
        1 => "[ -~]".boxed(),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #[test]
    fn a_canonical_path_has_the_promised_form(target in targets()) {
        let mut path = Vec::new();
        if canonicalize(target.as_bytes(), &mut path).is_ok() {
            prop_assert_eq!(path.first(), Some(&b'/'));
            prop_assert!(!path.contains(&0));
            let segments: Vec<_> = path.split(|b| *b == b'/').skip(1).collect();
            prop_assert!(segments.iter().rev().skip(1).all(|segment| !segment.is_empty()));
            prop_assert!(segments.iter().all(|segment| *segment != b"." && *segment != b".."));
        }
    }

    #[test]
    fn an_encoded_canonical_path_is_canonical_already(target in targets()) {
        let mut path = Vec::new();
        if let Ok(canonical) = canonicalize(target.as_bytes(), &mut path) {
            let sent = to_target(&path, canonical.query);
            let mut again = Vec::new();
            let second = canonicalize(&sent, &mut again);
            prop_assert_eq!(second, Ok(Canonical { query: canonical.query, dot_segments: DotSegments::None }));
            prop_assert_eq!(again, path);
        }
    }

    #[test]
    fn a_path_without_anything_to_change_is_itself(path in "(/[a-z0-9._~!$&'()*+,;=:@-]{0,3}[a-z]){1,5}/?") {
        prop_assert_eq!(canonical(&path).map(|(_, dots)| dots), Ok(DotSegments::None));
        let mut octets = Vec::new();
        prop_assert!(canonicalize(path.as_bytes(), &mut octets).is_ok());
        prop_assert_eq!(octets, path.into_bytes());
    }

    #[test]
    fn any_octets_are_read_or_refused(target in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = canonicalize(&target, &mut Vec::new());
    }
}
