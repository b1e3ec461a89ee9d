//! The live settings while the ConfigMap is read: keys come in any order, and some mean something only together.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::annotations::Defaults;
use crate::annotations::go;
use crate::ir::backend::KeepAlive;
use crate::ir::listener::{
    AccessLog, ClientAddress, ForwardedChain, Hsts, HstsPreload, HstsSubdomains, ListenerPolicy, TrustedForwarding,
};
use crate::ir::tls::TlsVersions;

use super::{Guards, Live};

/// What has been read so far.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) listener: ListenerPolicy,
    pub(super) defaults: Defaults,
    pub(super) keep_alive: KeepAlive,
    pub(super) no_tls_redirect: Vec<String>,
    pub(super) guards: Guards,
    pub(super) forwarding: Forwarding,
    pub(super) hsts: HstsDraft,
    pub(super) log: LogDraft,
}

/// The keys that together say whose forwarded headers count.
#[derive(Debug)]
pub(super) struct Forwarding {
    pub(super) on: bool,
    pub(super) full: bool,
    pub(super) header: String,
    pub(super) trusted: Vec<IpNet>,
}

#[derive(Debug)]
pub(super) struct HstsDraft {
    pub(super) on: bool,
    pub(super) subdomains: bool,
    pub(super) preload: bool,
    pub(super) max_age_secs: u64,
}

#[derive(Debug, Default)]
pub(super) struct LogDraft {
    pub(super) off: bool,
    pub(super) json: bool,
}

/// Where ACME servers look for their challenges: neither redirected nor asked for credentials.
const ACME: &str = "/.well-known/acme-challenge";

impl Default for Draft {
    fn default() -> Self {
        let hsts = Hsts::default();
        Self {
            listener: ListenerPolicy::default(),
            defaults: Defaults::default(),
            keep_alive: KeepAlive::default(),
            no_tls_redirect: vec![ACME.to_owned()],
            guards: Guards { no_auth: vec![ACME.to_owned()], ..Guards::default() },
            forwarding: Forwarding {
                on: false,
                full: false,
                header: String::from("x-forwarded-for"),
                trusted: everyone(),
            },
            hsts: HstsDraft { on: true, subdomains: true, preload: false, max_age_secs: hsts.max_age_secs },
            log: LogDraft::default(),
        }
    }
}

/// ingress-nginx's default, `0.0.0.0/0`, means everyone; here that includes peers by IPv6.
fn everyone() -> Vec<IpNet> {
    let any = [IpAddr::from([0; 4]), IpAddr::from([0; 16])];
    any.into_iter().filter_map(|address| IpNet::new(address, 0).ok()).collect()
}

impl Draft {
    /// Puts together what only together means something.
    pub(super) fn finish(mut self) -> Live {
        if self.forwarding.on {
            let Forwarding { on: _, full, header, trusted } = self.forwarding;
            let chain = if full { ForwardedChain::Append } else { ForwardedChain::Replace };
            self.listener.client_address = ClientAddress::Forwarded(TrustedForwarding { header, trusted, chain });
        }
        self.listener.hsts = self.hsts.on.then_some(Hsts {
            max_age_secs: self.hsts.max_age_secs,
            subdomains: if self.hsts.subdomains { HstsSubdomains::Include } else { HstsSubdomains::Exclude },
            preload: if self.hsts.preload { HstsPreload::Yes } else { HstsPreload::No },
        });
        self.listener.access_log = match (self.log.off, self.log.json) {
            (true, _) => AccessLog::Off,
            (false, true) => AccessLog::Json,
            (false, false) => AccessLog::Combined,
        };
        self.defaults.route.ssl_redirect.when = self.defaults.https.when();
        self.defaults.route.retry.on.non_idempotent |= self.defaults.retry_non_idempotent;
        Live {
            listener: self.listener,
            defaults: self.defaults,
            keep_alive: self.keep_alive,
            no_tls_redirect: self.no_tls_redirect,
            guards: self.guards,
        }
    }
}

/// What is wrong with a value, as the middle of a sentence that begins with the value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    /// It cannot be read, and the default stays.
    Unread(&'static str),
    /// It could be read but for what the sentence says.
    Partly(&'static str),
}

impl From<&'static str> for Why {
    fn from(reason: &'static str) -> Self {
        Self::Unread(reason)
    }
}

pub(super) fn boolean(value: &str, field: &mut bool) -> Result<(), Why> {
    *field = go::parse_bool(value).ok_or("is neither \"true\" nor \"false\"")?;
    Ok(())
}

pub(super) fn number(value: &str, field: &mut u32) -> Result<(), Why> {
    *field = value.parse().map_err(|_| "is not a whole number")?;
    Ok(())
}

/// Seconds that must not be zero.
pub(super) fn seconds(value: &str, field: &mut Duration) -> Result<(), Why> {
    let secs: u32 = value.parse().map_err(|_| "is not a whole number of seconds")?;
    if secs == 0 {
        return Err(Why::Unread("would fail every request"));
    }
    *field = Duration::from_secs(secs.into());
    Ok(())
}

/// A list separated by commas, empty pieces left out.
pub(super) fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

/// Networks and single addresses. One that cannot be read is left out, so that less is trusted, and reported.
pub(super) fn networks(value: &str, field: &mut Vec<IpNet>) -> Result<(), Why> {
    let pieces = list(value);
    *field = pieces.iter().filter_map(|piece| network(piece)).collect();
    if field.len() == pieces.len() {
        Ok(())
    } else {
        Err(Why::Partly("holds something other than networks and addresses; that is not trusted"))
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `ssl-protocols`: what of it is still safe is offered.
pub(super) fn protocols(value: &str, field: &mut TlsVersions) -> Result<(), Why> {
    let mut older = false;
    let (mut tls12, mut tls13) = (false, false);
    for word in value.split_ascii_whitespace() {
        match word {
            "TLSv1.2" => tls12 = true,
            "TLSv1.3" => tls13 = true,
            _ => older = true,
        }
    }
    *field = match (tls12, tls13) {
        (true, true) => TlsVersions::Tls12And13,
        (true, false) => TlsVersions::Tls12Only,
        (false, true) => TlsVersions::Tls13Only,
        (false, false) => return Err(Why::Unread("names neither TLSv1.2 nor TLSv1.3, and nothing older is offered")),
    };
    if older { Err(Why::Partly("names more than TLSv1.2 and TLSv1.3; the rest is not offered")) } else { Ok(()) }
}

/// The name of a header, in lower case.
pub(super) fn header(value: &str, field: &mut String) -> Result<(), Why> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if value.is_empty() || !value.bytes().all(token) {
        return Err(Why::Unread("is not the name of a header"));
    }
    *field = value.to_ascii_lowercase();
    Ok(())
}
