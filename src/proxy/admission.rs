//! Whether a connection is taken on: how many there may be, in all and of one address.
//!
//! The workers share the counts. They are touched when a connection begins and when it ends, never by a request.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::overload::{Stage, Standing};
use crate::ir::{Limit, Limits};

/// So many locks share the addresses.
const SHARDS: usize = 16;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    connections: AtomicU32,
    addresses: [Mutex<HashMap<IpAddr, u32>>; SHARDS],
    hasher: RandomState,
}

impl Admission {
    /// Takes a connection on, or says which limit it is beyond.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, limits: &Limits) -> Result<Admitted, &'static Limit> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let standing = match Stage::of_connections(before, limits.connections) {
            Stage::Calm => Standing::Welcome,
            Stage::Shedding | Stage::Leaving | Stage::Refusing => Standing::Surplus,
        };
        let mut admitted = Admitted { admission: Arc::clone(self), network: None, standing };
        if before >= limits.connections {
            return Err(&Limit::CONNECTIONS);
        }
        // While there is no limit by address, addresses are not counted: what is taken on then never counts.
        if limits.address_connections > 0 {
            let network = network(address);
            self.enter_address(network, limits.address_connections)?;
            admitted.network = Some(network);
        }
        Ok(admitted)
    }

    /// How many there are now.
    pub(crate) fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    fn enter_address(&self, network: IpAddr, most: u32) -> Result<(), &'static Limit> {
        let mut addresses = self.shard(network);
        let count = addresses.entry(network).or_default();
        if *count >= most {
            return Err(&Limit::ADDRESS_CONNECTIONS);
        }
        *count += 1;
        Ok(())
    }

    fn shard(&self, network: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        let place = usize::try_from(self.hasher.hash_one(network) % SHARDS as u64).unwrap_or_default();
        let shard = self.addresses.get(place).expect("the place is below the number of shards");
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave_address(&self, network: IpAddr) {
        let mut addresses = self.shard(network);
        if let Some(count) = addresses.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&network);
            }
        }
    }
}

/// A connection that was taken on. Dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    /// Where it counts, if addresses are counted.
    network: Option<IpAddr>,
    pub(crate) standing: Standing,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(network) = self.network {
            self.admission.leave_address(network);
        }
    }
}

/// What counts as one address: of IPv6 the first 64 bits, which is what one site has to itself.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(admission: &Arc<Admission>, address: &str, limits: &Limits) -> Result<Admitted, &'static str> {
        admission.admit(address.parse().unwrap(), limits).map_err(|limit| limit.key)
    }

    #[test]
    fn as_many_as_the_limit_are_admitted_and_one_more_when_one_has_left() {
        let (admission, limits) = (Arc::default(), Limits { connections: 3, ..Limits::default() });
        let mut admitted: Vec<_> = (0..3).map(|_| admit(&admission, "10.0.0.1", &limits).unwrap()).collect();
        assert_eq!(admit(&admission, "10.0.0.2", &limits).unwrap_err(), "max-connections");
        admitted.pop();
        admitted.push(admit(&admission, "10.0.0.2", &limits).unwrap());
        assert!(admit(&admission, "10.0.0.3", &limits).is_err());
    }

    #[test]
    fn an_address_that_has_enough_takes_nothing_from_others() {
        let (admission, limits) = (Arc::default(), Limits { address_connections: 2, ..Limits::default() });
        let admitted: Vec<_> = (0..2).map(|_| admit(&admission, "10.0.0.1", &limits).unwrap()).collect();
        for _ in 0..10 {
            assert_eq!(admit(&admission, "10.0.0.1", &limits).unwrap_err(), "max-connections-per-address");
        }
        assert!(admit(&admission, "10.0.0.2", &limits).is_ok());
        drop(admitted);
        assert!(admit(&admission, "10.0.0.1", &limits).is_ok());
        assert!(admission.addresses.iter().all(|shard| shard.lock().unwrap().is_empty()));
        assert_eq!(admission.connections.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn addresses_of_one_site_of_ipv6_count_together() {
        let (admission, limits) = (Arc::default(), Limits { address_connections: 1, ..Limits::default() });
        let _admitted = admit(&admission, "2001:db8::1", &limits).unwrap();
        assert!(admit(&admission, "2001:db8::ffff:1", &limits).is_err());
        assert!(admit(&admission, "2001:db8:0:1::1", &limits).is_ok());
    }
}
