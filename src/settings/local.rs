//! Which addresses requests may be sent to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::LocalAddresses;

/// Metadata services of clouds beyond the link-local range: Alibaba, Oracle, Azure.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];
/// The metadata service of AWS.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
/// The well-known prefix of NAT64 (RFC 6052, 2.1): the last four octets are an IPv4 address.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

impl LocalAddresses {
    /// Whether requests may be sent to `address`: never to link-local, metadata, unspecified, broadcast and multicast
    /// addresses, and to loopback only where that is allowed. IPv4 within IPv6 counts as the IPv4 address.
    #[must_use]
    pub fn admit(self, address: IpAddr) -> bool {
        let address = embedded(address);
        if address.is_loopback() {
            return match self {
                Self::Refused => false,
                Self::LoopbackAllowed => true,
            };
        }
        let local = match address {
            IpAddr::V4(v4) => {
                let this_network = v4.octets().first() == Some(&0);
                this_network || v4.is_link_local() || v4.is_broadcast() || METADATA_V4.contains(&v4)
            }
            IpAddr::V6(v6) => v6.is_unicast_link_local() || v6 == METADATA_V6,
        };
        !local && !address.is_unspecified() && !address.is_multicast()
    }
}

/// The address that a packet to `address` ends up at, as far as the address itself says.
fn embedded(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => match v6.segments() {
            [prefix @ .., high, low] if prefix == NAT64 => {
                IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
            }
            _ => IpAddr::V6(v6),
        },
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_of_the_cloud_are_refused_however_they_are_written() {
        for text in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
        ] {
            assert!(!LocalAddresses::Refused.admit(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn private_and_public_addresses_are_admitted() {
        for text in ["10.0.0.1", "192.168.1.1", "100.64.0.1", "8.8.8.8", "fd00::1", "2001:db8::1", "64:ff9b::808:808"] {
            assert!(LocalAddresses::Refused.admit(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn only_loopback_can_be_allowed() {
        let allowed = |text: &str| LocalAddresses::LoopbackAllowed.admit(text.parse().unwrap());
        assert!(allowed("127.0.0.1") && allowed("::1") && allowed("::ffff:127.0.0.2"));
        assert!(!allowed("169.254.169.254") && !allowed("fe80::1") && !allowed("0.0.0.0"));
    }
}
