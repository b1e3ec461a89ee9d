//! Requests in, outcomes out: the phases and their order.

use super::*;
use crate::ir::filter::{ForwardedPrefix, Rewrite, RewriteTarget, Template};
use crate::ir::listener::{ClientAddress, ForwardedChain, TrustedForwarding};
use crate::ir::policy::SslRedirect;
use crate::ir::{Config, Pattern, RoutePolicy};
use crate::request::head::Version;
use crate::testing::scan;

/// A configuration of one virtual host, `shop.example`, whose one route `/` is changed by `change`.
fn config(change: impl FnOnce(&mut VirtualHost, &mut Route)) -> Config {
    let mut host = scan::virtual_host("shop.example", &[]);
    let mut route = Route::clone(&scan::route_for("/"));
    change(&mut host, &mut route);
    host.routes.push(Arc::new(route));
    scan::config([host])
}

fn forwarding(change: impl FnOnce(&mut Forward)) -> Config {
    config(|_, route| change(forward_of(route)))
}

fn forward_of(route: &mut Route) -> &mut Forward {
    match &mut route.action {
        Action::Forward(forward) => forward,
        other => panic!("{other:?}"),
    }
}

fn rewrite(pattern: &str, target: RewriteTarget) -> Rewrite {
    Rewrite { pattern: Pattern::new(&format!("(?i){pattern}")).unwrap(), target }
}

fn ssl_redirect(when: SslRedirectWhen, trailing_slash: TrailingSlash) -> Arc<RoutePolicy> {
    let ssl_redirect = SslRedirect { when, trailing_slash, ..SslRedirect::default() };
    Arc::new(RoutePolicy { ssl_redirect, ..RoutePolicy::default() })
}

fn head(target: &str) -> RequestHead {
    let mut head = RequestHead { method: "GET".to_owned(), target: target.into(), ..RequestHead::default() };
    head.fields.push(b"Host", b"Shop.example:8080");
    head
}

fn peer(scheme: Scheme) -> Peer {
    Peer { address: ([10, 0, 0, 9], 4711).into(), local: ([10, 0, 0, 1], 80).into(), scheme }
}

/// The outcome in words.
fn planned(config: Config, head: &RequestHead, scheme: Scheme) -> String {
    let table = Table::new(Arc::new(config));
    match plan(&table, head, &peer(scheme), &mut Scratch::default()) {
        Err(Rejected { status, code }) => format!("rejected {status} {code}"),
        Ok(plan) => match plan.outcome {
            Outcome::NotFound => "not found".to_owned(),
            Outcome::Refuse(refusal) => format!("refused {} {}", refusal.status, refusal.code),
            Outcome::Redirect { status, location } => format!("{status} {}", location.escape_ascii()),
            Outcome::Forward(forward) => {
                let target = match forward.target {
                    Target::Raw => "raw".to_owned(),
                    Target::Replaced(target) => target.escape_ascii().to_string(),
                };
                let prefix = forward.forwarded_prefix.map(|prefix| format!(" prefix {}", prefix.escape_ascii()));
                format!("forward {target}{}", prefix.unwrap_or_default())
            }
        },
    }
}

fn plain(config: Config, target: &str) -> String {
    planned(config, &head(target), Scheme::Http)
}

#[test]
fn a_target_is_forwarded_as_it_is() {
    assert_eq!(plain(forwarding(|_| {}), "/a//b%2Fc?d=//"), "forward raw");
}

#[test]
fn a_dot_segment_is_never_forwarded() {
    assert_eq!(plain(forwarding(|_| {}), "/a/%2e%2e/b%20c//d?e=/../"), "forward /b%20c/d?e=/../");
    assert_eq!(plain(forwarding(|_| {}), "/a/./b"), "forward /a/b");
    assert_eq!(plain(forwarding(|_| {}), "/a/../.."), "rejected 400 path-above-root");
}

#[test]
fn what_nothing_claims_is_not_found() {
    assert_eq!(plain(Config::default(), "/"), "not found");
}

#[test]
fn malformed_requests_are_rejected() {
    let mut hostless = head("/");
    hostless.fields.clear();
    assert_eq!(planned(forwarding(|_| {}), &hostless, Scheme::Http), "rejected 400 host-missing");
    assert_eq!(plain(forwarding(|_| {}), "/%zz"), "rejected 400 path-escape");
    for method in ["CONNECT", "TRACE"] {
        let refused = RequestHead { method: method.to_owned(), ..head("/") };
        assert_eq!(planned(forwarding(|_| {}), &refused, Scheme::Http), "rejected 405 method-not-served");
    }
}

#[test]
fn the_asterisk_is_the_target_of_options_alone() {
    let options = RequestHead { method: "OPTIONS".to_owned(), ..head("*") };
    assert_eq!(planned(forwarding(|_| {}), &options, Scheme::Http), "forward raw");
    assert_eq!(plain(forwarding(|_| {}), "*"), "rejected 400 target-form");
}

#[test]
fn a_refused_route_is_never_forwarded_nor_redirected() {
    let refusing = config(|_, route| {
        route.policy = ssl_redirect(SslRedirectWhen::Always, TrailingSlash::StripOne);
        route.action = Action::Refuse(Refusal { status: 503, code: "auth-unsupported", reason: String::new() });
    });
    assert_eq!(plain(refusing, "/a"), "refused 503 auth-unsupported");
}

#[test]
fn app_root_redirects_the_root_alone() {
    let app = |target| plain(config(|host, _| host.app_root = Some("/app 1".to_owned())), target);
    assert_eq!(app("/"), "302 http://Shop.example:8080/app%201");
    assert_eq!(app("/?q"), "302 http://Shop.example:8080/app%201");
    assert_eq!(app("//"), "302 http://Shop.example:8080/app%201");
    assert_eq!(app("/a"), "forward raw");
}

#[test]
fn a_redirect_comes_before_the_redirect_to_https() {
    let redirecting = config(|_, route| {
        route.policy = ssl_redirect(SslRedirectWhen::Always, TrailingSlash::StripOne);
        route.action = Action::Redirect(Redirect { status: 301, location: "https://new.example/".to_owned() });
    });
    assert_eq!(plain(redirecting, "/a"), "301 https://new.example/");
}

#[test]
fn a_rewrite_makes_the_target_and_the_prefix() {
    let rewriting = |target: &str| {
        let config = forwarding(|forward| {
            forward.rewrite = Some(rewrite("/(api)(/|$)(.*)", RewriteTarget::Path(Template::parse("/$3"))));
            forward.forwarded_prefix = Some(ForwardedPrefix(Template::parse("/p/$1")));
        });
        plain(config, target)
    };
    assert_eq!(rewriting("/API/v1?q=1"), "forward /v1?q=1 prefix /p/API");
    assert_eq!(rewriting("/other"), "forward raw prefix /p/");
    assert_eq!(rewriting("/x/../other"), "forward /other prefix /p/");
}

#[test]
fn a_prefix_is_sent_with_a_rewrite_only() {
    let config = forwarding(|forward| forward.forwarded_prefix = Some(ForwardedPrefix(Template::parse("/p"))));
    assert_eq!(plain(config, "/a"), "forward raw");
}

#[test]
fn a_rewrite_to_a_url_redirects_before_the_redirect_to_https() {
    let redirecting = config(|_, route| {
        route.policy = ssl_redirect(SslRedirectWhen::Always, TrailingSlash::StripOne);
        let target = RewriteTarget::Redirect(Template::parse("http://new.example/$1"));
        forward_of(route).rewrite = Some(rewrite("/old/(.*)", target));
    });
    assert_eq!(plain(redirecting, "/old/a?b"), "302 http://new.example/a?b");
}

fn redirecting_to_https(when: SslRedirectWhen, tls: HostTls, trailing_slash: TrailingSlash) -> Config {
    config(|host, route| {
        host.tls = tls;
        route.policy = ssl_redirect(when, trailing_slash);
    })
}

#[test]
fn plain_http_is_redirected_where_the_host_has_a_certificate_or_always() {
    let outcome = |when, tls| plain(redirecting_to_https(when, tls, TrailingSlash::StripOne), "/a%2F?b");
    let location = "308 https://shop.example/a%2F?b";
    assert_eq!(outcome(SslRedirectWhen::CertificateConfigured, HostTls::Configured), location);
    assert_eq!(outcome(SslRedirectWhen::CertificateConfigured, HostTls::None), "forward raw");
    assert_eq!(outcome(SslRedirectWhen::Always, HostTls::None), location);
    assert_eq!(outcome(SslRedirectWhen::Never, HostTls::Configured), "forward raw");
}

#[test]
fn one_trailing_slash_is_stripped_unless_it_is_preserved() {
    let location = |target, slash| plain(redirecting_to_https(SslRedirectWhen::Always, HostTls::None, slash), target);
    assert_eq!(location("/a//", TrailingSlash::StripOne), "308 https://shop.example/a/");
    assert_eq!(location("/", TrailingSlash::StripOne), "308 https://shop.example");
    assert_eq!(location("/", TrailingSlash::Preserve), "308 https://shop.example/");
}

#[test]
fn https_is_not_redirected() {
    let config = || redirecting_to_https(SslRedirectWhen::Always, HostTls::Configured, TrailingSlash::StripOne);
    assert_eq!(planned(config(), &head("/"), Scheme::Https), "forward raw");
    let trust = TrustedForwarding {
        header: "x-forwarded-for".to_owned(),
        trusted: vec!["10.0.0.0/8".parse().unwrap()],
        chain: ForwardedChain::Replace,
    };
    let mut trusting = config();
    trusting.listener.client_address = ClientAddress::Forwarded(trust);
    let mut forwarded = head("/");
    forwarded.fields.push(b"X-Forwarded-Proto", b"https");
    assert_eq!(planned(trusting.clone(), &forwarded, Scheme::Http), "forward raw");
    assert_eq!(planned(config(), &forwarded, Scheme::Http), "308 https://shop.example");
    let mut renamed = head("/a");
    renamed.fields.push(b"X-Forwarded-Host", b"www.example:8443");
    assert_eq!(planned(trusting, &renamed, Scheme::Http), "308 https://www.example/a");
}

#[test]
fn a_request_without_a_host_is_not_let_through_in_the_clear() {
    let mut host = scan::virtual_host("", &[]);
    let mut route = Route::clone(&scan::route_for("/"));
    route.policy = ssl_redirect(SslRedirectWhen::Always, TrailingSlash::StripOne);
    host.routes.push(Arc::new(route));
    let mut hostless = RequestHead { version: Version::Http10, ..head("/") };
    hostless.fields.clear();
    assert_eq!(planned(scan::config([host]), &hostless, Scheme::Http), "rejected 400 host-missing");
}
