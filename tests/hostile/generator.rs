//! Random connections through the server, held against the model: every request that the model forwards reaches the
//! origin once and as it must, nothing else does, and the connection ends where the model ends reading.
//!
//! `LANDFALL_HOSTILE_MESSAGES` says how many messages are made (10,000 without it), `LANDFALL_HOSTILE_SEED` from which
//! seed on. A failure names its seed.

#![expect(clippy::disallowed_methods, reason = "variables say how long to look, and from where")]

use landfall::testing::objects::service;
use landfall::testing::{Ingress, TestServer};
use tokio::task::JoinSet;

use crate::client1::{Client, Pace};
use crate::grammar::{self, Dice};
use crate::model::{self, End, Expected, Fate, Forwarded};
use crate::outcome::{Answer, answers};
use crate::recorder::{Protocol, Recorder};

/// Connections at the same time, each with an origin of its own, so that what one sees is in order.
const LANES: u64 = 4;
/// Messages on one connection.
const MESSAGES: usize = 6;

pub(crate) fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("the variable is a number"))
}

#[tokio::test]
async fn random_connections_are_read_in_one_way() {
    let messages = variable("LANDFALL_HOSTILE_MESSAGES", 10_000);
    let first = variable("LANDFALL_HOSTILE_SEED", 1);
    let per_lane = messages.div_ceil(LANES * MESSAGES as u64);
    let mut objects = Vec::new();
    let mut origins = Vec::new();
    for lane in 0..LANES {
        let protocol = if lane % 2 == 0 { Protocol::Http1 } else { Protocol::Http2 };
        let origin = Recorder::start(protocol).await;
        let name = format!("g{lane}");
        objects.extend(service(&name, &[origin.address()]));
        let ingress = Ingress::named(&name).route(&format!("{name}.test"), "/", &name);
        objects.push(if lane % 2 == 0 { ingress } else { ingress.with("backend-protocol", "GRPC") }.build());
        origins.push(origin);
    }
    let server = TestServer::start(2, objects);
    let address = server.http();
    let mut lanes = JoinSet::new();
    for (lane, origin) in (0..LANES).zip(origins) {
        lanes.spawn(async move {
            let host = format!("g{lane}.test");
            for turn in 0..per_lane {
                let seed = first + turn * LANES + lane;
                let octets = grammar::connection(&mut Dice::new(seed), &host, MESSAGES);
                if let Err(error) = connect(address, &origin, &host, &octets).await {
                    panic!("seed {seed}: {error}\n{}", octets.escape_ascii().to_string().replace("\\r\\n", "\\r\\n\n"));
                }
            }
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.expect("a lane finds nothing");
    }
}

async fn connect(server: std::net::SocketAddr, origin: &Recorder, host: &str, octets: &[u8]) -> Result<(), String> {
    let Expected { fates, end } = model::expect(octets, host);
    let begun = origin.log().seen.len();
    let mut client = Client::connect(server).await;
    client.send(octets, Pace::AtOnce).await;
    client.finish().await;
    if !client.until(|_| false).await {
        return Err(format!("the connection does not end; expected {fates:?}, {end:?}"));
    }
    let (received, _) = client.octets();
    let methods: Vec<_> = fates.iter().map(method_of).collect();
    let (answers, rest) = answers(&received, &methods)?;
    if !rest.is_empty() {
        return Err(format!("behind the answers comes {}", rest.escape_ascii()));
    }
    check_answers(&answers, &fates, end)?;
    check_seen(origin, begun, &fates)
}

fn method_of(fate: &Fate) -> &'static str {
    match fate {
        Fate::Forwarded(Forwarded { method, .. }) | Fate::NotFound(method) if method == b"HEAD" => "HEAD",
        Fate::Forwarded(_) | Fate::NotFound(_) => "GET",
    }
}

fn check_answers(answers: &[Answer], fates: &[Fate], end: End) -> Result<(), String> {
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).filter(|status| *status >= 200).collect();
    let wrong = || Err(format!("answered {statuses:?}; expected {fates:?}, {end:?}"));
    let (of_fates, behind) =
        statuses.split_at_checked(fates.len()).map_or((&statuses[..], None), |(a, b)| (a, Some(b)));
    let Some(behind) = behind else { return wrong() };
    let as_expected = of_fates.iter().zip(fates).all(|(status, fate)| match fate {
        Fate::Forwarded(_) => *status == 200,
        Fate::NotFound(_) => *status == 404,
    });
    let ended = match (end, behind) {
        (End::Quiet | End::Unfinished | End::Refused, []) | (End::Broken, [] | [400]) => true,
        (End::Refused | End::Unfinished, [status]) => (400..600).contains(status) && *status != 404,
        _ => false,
    };
    if as_expected && ended { Ok(()) } else { wrong() }
}

fn check_seen(origin: &Recorder, begun: usize, fates: &[Fate]) -> Result<(), String> {
    let mut log = origin.log();
    if let Some(fault) = log.faults.first() {
        return Err(format!("the origin: {fault}"));
    }
    let seen: Vec<_> = log.seen.split_off(begun);
    let seen: Vec<_> = seen.into_iter().map(|seen| seen.request).collect();
    let forwarded = fates.iter().filter_map(|fate| match fate {
        Fate::Forwarded(forwarded) => Some(forwarded),
        Fate::NotFound(_) => None,
    });
    let forwarded: Vec<_> = forwarded.collect();
    let same = seen.len() == forwarded.len()
        && seen.iter().zip(&forwarded).all(|(request, wanted)| {
            request.method == wanted.method
                && request.target == wanted.target
                && request.one("host") == Some(&wanted.host)
                && request.body == wanted.body
        });
    if same { Ok(()) } else { Err(format!("the origin sees {seen:?}; expected {forwarded:?}")) }
}
