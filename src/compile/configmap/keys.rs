//! The keys of the ConfigMap: every one that ingress-nginx has, and what becomes of it here.

use std::time::Duration;

use crate::annotations::{EndpointMode, Idle, go, scalar};
use crate::ir::Limit;
use crate::ir::access::Networks;
use crate::ir::listener::UnderscoreNames;
use crate::ir::policy::TrailingSlash;
use crate::ir::tls::Http2Offer;

use super::draft::{self, Draft, Why};
use super::inert::NO_EFFECT;
use super::limits;

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) effect: Effect,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effect {
    Read(fn(&mut Draft, &str) -> Result<(), Why>),
    /// A limit on clients.
    Limits(&'static Limit),
    /// As `Read`, of what guards every route: if it cannot be read, every route answers 503. Empty asks for nothing.
    Guards(fn(&mut Draft, &str) -> Result<(), Why>),
    /// Accepted; there is nothing that it could change, and why.
    Inert(&'static str),
    /// Left out with a warning, unless the value asks for nothing.
    Missing(Idle),
    /// Every route answers 503, unless the value asks for nothing.
    Refuses(Idle),
    /// Every route that does not opt out of global authentication answers 503.
    RefusesAuthentication(Idle),
}

impl Effect {
    /// Whether the key guards anything.
    pub(super) const fn protects(self) -> bool {
        match self {
            Self::Guards(_) | Self::Refuses(_) | Self::RefusesAuthentication(_) => true,
            Self::Read(_) | Self::Limits(_) | Self::Inert(_) | Self::Missing(_) => false,
        }
    }
}

/// The row of a key.
pub(super) fn find(name: &str) -> Option<Key> {
    rows().find(|row| row.name == name)
}

/// The row whose name is nearest by edits and near enough to be meant.
pub(super) fn nearest(name: &str) -> Option<Key> {
    rows()
        .map(|row| (strsim::osa_distance(name, row.name), row))
        .filter(|(distance, row)| *distance <= 2.max(row.name.len() / 5))
        .min_by_key(|(distance, row)| (*distance, row.name))
        .map(|(_, row)| row)
}

/// Every row.
pub(super) fn rows() -> impl Iterator<Item = Key> {
    let limits = Limit::ALL.iter().map(|limit| Key { name: limit.key, effect: Effect::Limits(limit) });
    [REDIRECTS, ROUTES, CLIENTS, UPSTREAM, GUARDS, MISSING]
        .into_iter()
        .flatten()
        .chain(NO_EFFECT)
        .copied()
        .chain(limits)
}

const fn read(name: &'static str, read: fn(&mut Draft, &str) -> Result<(), Why>) -> Key {
    Key { name, effect: Effect::Read(read) }
}

const REDIRECTS: &[Key] = &[
    read("ssl-redirect", |d, v| draft::boolean(v, &mut d.defaults.https.redirect)),
    read("force-ssl-redirect", |d, v| draft::boolean(v, &mut d.defaults.https.force)),
    read("preserve-trailing-slash", |d, v| {
        let mut keep = false;
        draft::boolean(v, &mut keep)?;
        let kept = if keep { TrailingSlash::Preserve } else { TrailingSlash::StripOne };
        d.defaults.route.ssl_redirect.trailing_slash = kept;
        Ok(())
    }),
    read("http-redirect-code", |d, v| {
        let code = v.parse().ok().filter(|code| matches!(code, 301 | 302 | 307 | 308));
        d.defaults.route.ssl_redirect.status = code.ok_or("is none of 301, 302, 307 and 308")?;
        Ok(())
    }),
    read("no-tls-redirect-locations", |d, v| {
        d.no_tls_redirect = draft::list(v);
        Ok(())
    }),
    read("no-auth-locations", |d, v| {
        d.guards.no_auth = draft::list(v);
        Ok(())
    }),
];

const ROUTES: &[Key] = &[
    read("proxy-body-size", |d, v| {
        d.defaults.route.body_limit = scalar::body_limit(v).ok_or("is not a size such as 8m")?;
        Ok(())
    }),
    read("proxy-connect-timeout", |d, v| draft::seconds(v, &mut d.defaults.route.timeouts.connect)),
    read("proxy-read-timeout", |d, v| draft::seconds(v, &mut d.defaults.route.timeouts.read)),
    read("proxy-send-timeout", |d, v| draft::seconds(v, &mut d.defaults.route.timeouts.send)),
    read("proxy-next-upstream", |d, v| {
        d.defaults.route.retry.on = scalar::retry_conditions(v).map_err(|_| "holds a word that is no condition")?;
        Ok(())
    }),
    read("proxy-next-upstream-tries", |d, v| {
        let mut tries = 0;
        draft::number(v, &mut tries)?;
        d.defaults.route.retry.tries = (tries > 0).then_some(tries);
        Ok(())
    }),
    read("proxy-next-upstream-timeout", |d, v| {
        let mut secs = 0;
        draft::number(v, &mut secs)?;
        d.defaults.route.retry.timeout = (secs > 0).then(|| Duration::from_secs(secs.into()));
        Ok(())
    }),
    read("retry-non-idempotent", |d, v| draft::boolean(v, &mut d.defaults.retry_non_idempotent)),
    read("load-balance", |d, v| {
        d.defaults.balance = scalar::balance(v).ok_or("is neither round_robin nor ewma")?;
        Ok(())
    }),
    read("service-upstream", |d, v| {
        let mut on = false;
        draft::boolean(v, &mut on)?;
        d.defaults.endpoints = if on { EndpointMode::ClusterAddress } else { EndpointMode::Pods };
        Ok(())
    }),
];

const CLIENTS: &[Key] = &[
    read("use-forwarded-headers", |d, v| draft::boolean(v, &mut d.forwarding.on)),
    read("compute-full-forwarded-for", |d, v| draft::boolean(v, &mut d.forwarding.full)),
    read("forwarded-for-header", |d, v| draft::header(v, &mut d.forwarding.header)),
    read("proxy-real-ip-cidr", |d, v| draft::networks(v, &mut d.forwarding.trusted)),
    read("large-client-header-buffers", |d, v| limits::header_buffers(v, &mut d.listener.limits)),
    read("enable-underscores-in-headers", |d, v| {
        let mut keep = false;
        draft::boolean(v, &mut keep)?;
        d.listener.underscores = if keep { UnderscoreNames::Keep } else { UnderscoreNames::Drop };
        Ok(())
    }),
    read("hsts", |d, v| draft::boolean(v, &mut d.hsts.on)),
    read("hsts-include-subdomains", |d, v| draft::boolean(v, &mut d.hsts.subdomains)),
    read("hsts-preload", |d, v| draft::boolean(v, &mut d.hsts.preload)),
    read("hsts-max-age", |d, v| {
        d.hsts.max_age_secs = v.parse().map_err(|_| "is not a whole number of seconds")?;
        Ok(())
    }),
    read("ssl-protocols", |d, v| draft::protocols(v, &mut d.listener.tls.versions)),
    read("use-http2", |d, v| {
        let mut on = true;
        draft::boolean(v, &mut on)?;
        d.listener.tls.http2 = if on { Http2Offer::Offered } else { Http2Offer::Off };
        Ok(())
    }),
    read("disable-access-log", |d, v| draft::boolean(v, &mut d.log.off)),
    read("disable-http-access-log", |d, v| draft::boolean(v, &mut d.log.off)),
    read("log-format-escape-json", |d, v| draft::boolean(v, &mut d.log.json)),
];

const UPSTREAM: &[Key] = &[
    read("upstream-keepalive-connections", |d, v| draft::number(v, &mut d.keep_alive.connections)),
    read("upstream-keepalive-timeout", |d, v| draft::number(v, &mut d.keep_alive.timeout_secs)),
    read("upstream-keepalive-requests", |d, v| draft::number(v, &mut d.keep_alive.requests)),
    read("upstream-keepalive-time", |d, v| {
        let secs = go::parse_duration(v).and_then(|time| u32::try_from(time.as_secs()).ok());
        d.keep_alive.lifetime_secs = secs.ok_or("is not a duration such as 1h")?;
        Ok(())
    }),
];

const fn refuses(name: &'static str, idle: Idle) -> Key {
    Key { name, effect: Effect::Refuses(idle) }
}

const fn guards(name: &'static str, read: fn(&mut Draft, &str) -> Result<(), Why>) -> Key {
    Key { name, effect: Effect::Guards(read) }
}

fn networks(value: &str) -> Result<Networks, Why> {
    scalar::networks(value).map_err(|_| Why::Unread("holds something other than networks and addresses"))
}

/// What guards every route, or might: of raw configuration it cannot be known.
const GUARDS: &[Key] = &[
    Key { name: "global-auth-url", effect: Effect::RefusesAuthentication(Idle::Empty) },
    guards("whitelist-source-range", |d, v| {
        d.defaults.route.access.allow = Some(networks(v)?);
        Ok(())
    }),
    guards("denylist-source-range", |d, v| {
        d.defaults.route.access.deny = networks(v)?;
        Ok(())
    }),
    refuses("block-cidrs", Idle::Empty),
    refuses("block-user-agents", Idle::Empty),
    refuses("block-referers", Idle::Empty),
    refuses("enable-modsecurity", Idle::False),
    refuses("server-snippet", Idle::Empty),
    refuses("location-snippet", Idle::Empty),
];

const fn missing(name: &'static str, idle: Idle) -> Key {
    Key { name, effect: Effect::Missing(idle) }
}

const MISSING: &[Key] = &[
    missing("add-headers", Idle::Empty),
    missing("proxy-set-headers", Idle::Empty),
    missing("hide-headers", Idle::Empty),
    missing("custom-http-errors", Idle::Empty),
    missing("disable-proxy-intercept-errors", Idle::False),
    missing("enable-real-ip", Idle::False),
    missing("use-proxy-protocol", Idle::False),
    missing("forwarded-for-proxy-protocol-header", Idle::Word("X-Forwarded-For-Proxy-Protocol")),
    missing("proxy-add-original-uri-header", Idle::False),
    missing("allow-backend-server-header", Idle::False),
    missing("generate-request-id", Idle::True),
    missing("ignore-invalid-headers", Idle::True),
    missing("server-tokens", Idle::False),
    missing("ssl-reject-handshake", Idle::False),
    missing("ssl-ciphers", Idle::Empty),
    missing("ssl-ecdh-curve", Idle::Word("auto")),
    missing("enable-ocsp", Idle::False),
    missing("use-gzip", Idle::False),
    missing("enable-brotli", Idle::False),
    missing("relative-redirects", Idle::False),
    missing("skip-access-log-urls", Idle::Empty),
    missing("log-format-upstream", Idle::Empty),
    missing("enable-auth-access-log", Idle::False),
    missing("enable-access-log-for-default-backend", Idle::False),
    missing("access-log-path", Idle::Empty),
    missing("http-access-log-path", Idle::Empty),
    missing("enable-syslog", Idle::False),
    missing("enable-opentelemetry", Idle::False),
    missing("use-geoip2", Idle::False),
    missing("proxy-http-version", Idle::Word("1.1")),
    missing("proxy-redirect-to", Idle::Word("off")),
    missing("proxy-cookie-domain", Idle::Word("off")),
    missing("proxy-cookie-path", Idle::Word("off")),
    missing("limit-rate", Idle::Zero),
    missing("http-snippet", Idle::Empty),
    missing("main-snippet", Idle::Empty),
    missing("stream-snippet", Idle::Empty),
    missing("annotation-value-word-blocklist", Idle::Empty),
];
