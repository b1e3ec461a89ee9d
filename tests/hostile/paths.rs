//! Random writings of paths, held against plain rules: whoever takes a request owns its path, and a guarded path is
//! guarded however it is written.

use std::fmt::Write as _;

use crate::client1::{Client, Pace};
use crate::generator::variable;
use crate::grammar::Dice;
use crate::model;
use crate::outcome::answers;
use crate::recorder::Protocol;
use crate::scene;

/// Requests on one connection.
const REQUESTS: usize = 50;

#[tokio::test]
async fn a_path_is_taken_by_its_owner_however_it_is_written() {
    let turns = variable("LANDFALL_HOSTILE_MESSAGES", 10_000).div_ceil(REQUESTS as u64 * 4);
    let first = variable("LANDFALL_HOSTILE_SEED", 1);
    let (server, origin) = scene(Protocol::Http1).await;
    for seed in first..first + turns {
        let mut dice = Dice::new(seed);
        let targets: Vec<_> =
            std::iter::repeat_with(|| target(&mut dice)).filter(|t| owner(t).is_some()).take(REQUESTS).collect();
        let begun = origin.log().seen.len();
        let mut client = Client::connect(server.http()).await;
        let requests = targets.iter().map(|target| format!("GET {target} HTTP/1.1\r\nHost: p.test\r\n\r\n"));
        client.send(requests.collect::<String>().as_bytes(), Pace::AtOnce).await;
        client.finish().await;
        assert!(client.until(|_| false).await, "seed {seed}: the connection ends");
        let (octets, _) = client.octets();
        let (answers, _) = answers(&octets, &[]).unwrap();
        let owners: Vec<_> = targets.iter().filter_map(|target| owner(target)).collect();
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        let wanted: Vec<_> = owners.iter().map(|owner| if *owner == Owner::Nobody { 403 } else { 200 }).collect();
        assert_eq!(statuses, wanted, "seed {seed}: {targets:?}");
        let hosts: Vec<_> =
            origin.log().seen.split_off(begun).iter().map(|s| s.request.one("host").unwrap().to_vec()).collect();
        let wanted: Vec<_> =
            owners.iter().filter_map(|owner| owner.host()).map(|host| host.as_bytes().to_vec()).collect();
        assert_eq!(hosts, wanted, "seed {seed}: {targets:?}");
    }
    assert!(origin.log().faults.is_empty(), "{:?}", origin.log().faults);
}

/// Who takes a path of `p.test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Public,
    Open,
    /// A guarded route: 403.
    Nobody,
}

impl Owner {
    fn host(self) -> Option<&'static str> {
        match self {
            Self::Public => Some("pub"),
            Self::Open => Some("open"),
            Self::Nobody => None,
        }
    }
}

/// `None` for what has no canonical form.
fn owner(target: &str) -> Option<Owner> {
    let path = model::canonical_path(target.as_bytes())?;
    let below = |prefix: &[u8]| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    Some(if below(b"/admin") || path == b"/exact" {
        Owner::Nobody
    } else if below(b"/open") {
        Owner::Open
    } else {
        Owner::Public
    })
}

fn target(dice: &mut Dice) -> String {
    let mut target = String::new();
    for _ in 0..=dice.roll(5) {
        target.push_str(dice.of(&["/", "/", "/", "//", "%2f", "/%2F", "/./", "/%2e/"]));
        let word = dice.of(&[
            "admin",
            "admin",
            "exact",
            "open",
            "Admin",
            "..",
            "..",
            "%2e%2E",
            ".%2e",
            "admin;x",
            "x",
            "adm",
            "...",
            "%5c",
            "%ff",
            "%2561dmin",
            "",
        ]);
        for letter in word.chars() {
            match dice.roll(12) {
                0 if letter.is_ascii_alphabetic() => {
                    let _never_fails = write!(target, "%{:02x}", u32::from(letter));
                }
                _ => target.push(letter),
            }
        }
    }
    if !target.starts_with('/') {
        target.insert(0, '/');
    }
    if dice.once_in(5) {
        target.push_str(dice.of(&["?", "?/admin", "?x=/../open"]));
    }
    target
}
