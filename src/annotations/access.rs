//! `allowlist-source-range`, `denylist-source-range` and `satisfy`: who may come, by address.

use std::net::IpAddr;

use ipnet::IpNet;

use super::catalogue::{Annotation, Class, Idle, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};
use crate::ir::Refusal;
use crate::ir::access::Networks;

pub(super) struct AccessLists;

const ALLOW: &str = "allowlist-source-range";
const DENY: &str = "denylist-source-range";

impl Family for AccessLists {
    fn title(&self) -> &'static str {
        "Access lists"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, values: &mut Values<'_>, policy: &mut IngressPolicy) {
        if let Some(networks) = list(ALLOW, values, policy) {
            policy.route.access.allow = Some(networks);
        }
        if let Some(networks) = list(DENY, values, policy) {
            policy.route.access.deny = networks;
        }
    }
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        ALLOW,
        Class::A,
        Scope::Route,
        "",
        Support::Supported,
        "Only clients of these networks are let in, others get 403; replaces the ConfigMap's list",
    )
    .with_aliases(&["whitelist-source-range"]),
    Annotation::new(
        DENY,
        Class::B,
        Scope::Route,
        "",
        Support::Supported,
        "Clients of these networks get 403, whatever is allowed; replaces the ConfigMap's list",
    ),
    Annotation::new(
        "satisfy",
        Class::C,
        Scope::Route,
        "all",
        Support::FailsClosed(Idle::Word("all")),
        "Whether authentication or the allow list alone is enough",
    ),
];

/// A list of the Ingress. One that cannot be read in full keeps everybody out.
fn list(name: &'static str, values: &mut Values<'_>, policy: &mut IngressPolicy) -> Option<Networks> {
    const CODE: &str = "invalid-access-list";
    let text = values.text(name)?;
    match parse_networks(text) {
        Ok(networks) => Some(networks),
        Err(element) => {
            let message =
                format!("{text:?}: {element:?} is neither a network nor an address: this Ingress's routes answer 503");
            values.error(name, CODE, message);
            let reason = format!("{} cannot be read", values.key(name));
            policy.refuse(Scope::Route, Refusal { status: 503, code: CODE, reason });
            None
        }
    }
}

/// Networks and single addresses, separated by commas. The error is the first element that is neither.
pub fn parse_networks(text: &str) -> Result<Networks, &str> {
    text.split(',').map(str::trim).map(|element| network(element).ok_or(element)).collect()
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_addresses_are_read() {
        let read = parse_networks("10.0.0.0/8, 192.0.2.1 ,2001:db8::/32,::1").unwrap();
        let texts: Vec<_> = read.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.0.0.0/8", "192.0.2.1/32", "::1/128", "2001:db8::/32"]);
    }

    #[test]
    fn anything_else_spoils_the_list() {
        for (text, element) in [
            ("10.0.0.0/33", "10.0.0.0/33"),
            ("10.0.0.0/8,", ""),
            ("10.0.0.0/8;10.1.0.0/16", "10.0.0.0/8;10.1.0.0/16"),
            ("10.0.0.0/8,example.com", "example.com"),
            ("10.0.0.0/255.0.0.0", "10.0.0.0/255.0.0.0"),
            ("10.0.0", "10.0.0"),
            ("010.0.0.1", "010.0.0.1"),
            ("all", "all"),
        ] {
            assert_eq!(parse_networks(text), Err(element), "{text}");
        }
    }
}
