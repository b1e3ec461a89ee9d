//! Who may come, by address.

use std::net::IpAddr;

use ipnet::IpNet;

/// A set of networks. Looking an address up costs a binary search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks {
    /// In order, no two overlapping or forming one that is larger.
    disjoint: Vec<IpNet>,
}

impl FromIterator<IpNet> for Networks {
    /// Networks of IPv4 addresses within IPv6 (`::ffff:0:0/96`) are those of IPv4: so are the addresses of clients.
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let networks: Vec<_> = networks.into_iter().map(unmapped).collect();
        let mut disjoint = IpNet::aggregate(&networks);
        disjoint.sort_by_key(|network| (network.network(), network.prefix_len()));
        Self { disjoint }
    }
}

impl Networks {
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let behind = self.disjoint.partition_point(|network| network.network() <= address);
        let candidate = behind.checked_sub(1).and_then(|at| self.disjoint.get(at));
        candidate.is_some_and(|network| network.contains(&address))
    }

    /// The networks, in order and as few as there can be.
    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.disjoint.iter()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.disjoint.is_empty()
    }
}

fn unmapped(network: IpNet) -> IpNet {
    let mapped = network.addr().to_canonical();
    match (network, mapped) {
        (IpNet::V6(v6), IpAddr::V4(_)) if v6.prefix_len() >= 96 => {
            IpNet::new(mapped, v6.prefix_len() - 96).unwrap_or(network)
        }
        _ => network,
    }
}

/// Whom a route lets in (nginx `deny`, then `allow`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// These get 403, whatever `allow` says.
    pub deny: Networks,
    /// All others get 403; `None` lets everyone in.
    pub allow: Option<Networks>,
}

/// Why an address is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It is on the list of those that are denied.
    Denied,
    /// It is not on the list of those that are allowed.
    NotAllowed,
}

impl Access {
    /// Lets an address in, or says why not.
    pub fn admit(&self, address: IpAddr) -> Result<(), Denial> {
        if self.deny.contains(address) {
            return Err(Denial::Denied);
        }
        let allowed = self.allow.as_ref().is_none_or(|allow| allow.contains(address));
        allowed.then_some(()).ok_or(Denial::NotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(list: &[&str]) -> Networks {
        list.iter().map(|text| text.parse::<IpNet>().unwrap()).collect()
    }

    #[test]
    fn an_address_is_found_in_the_network_that_holds_it() {
        let set = networks(&["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7/32", "2001:db8::/32", "::1/128", "172.16.5.9/12"]);
        for (address, within) in [
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
            ("::1", true),
            ("::2", false),
        ] {
            assert_eq!(set.contains(address.parse().unwrap()), within, "{address}");
        }
        assert!(!Networks::default().contains("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn everyone_is_everyone_of_a_family() {
        assert!(networks(&["0.0.0.0/0"]).contains("8.8.8.8".parse().unwrap()));
        assert!(!networks(&["0.0.0.0/0"]).contains("::1".parse().unwrap()));
        assert!(networks(&["::/0"]).contains("::1".parse().unwrap()));
    }

    #[test]
    fn ipv4_within_ipv6_is_ipv4() {
        assert!(networks(&["::ffff:10.0.0.0/104"]).contains("10.9.9.9".parse().unwrap()));
        assert_eq!(networks(&["::ffff:10.0.0.0/104"]), networks(&["10.0.0.0/8"]));
    }

    #[test]
    fn deny_comes_before_allow() {
        let access = Access { deny: networks(&["10.0.0.1/32"]), allow: Some(networks(&["10.0.0.0/8"])) };
        let of = |text: &str| access.admit(text.parse().unwrap());
        assert_eq!(of("10.0.0.1"), Err(Denial::Denied));
        assert_eq!(of("10.0.0.2"), Ok(()));
        assert_eq!(of("8.8.8.8"), Err(Denial::NotAllowed));
        assert_eq!(Access::default().admit("8.8.8.8".parse().unwrap()), Ok(()));
    }
}
