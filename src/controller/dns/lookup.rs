//! One lookup: a name to its addresses, with how long they hold.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::system_conf::read_system_conf;
use tokio::time::timeout;

/// The longest wait for one answer of one name server, as ingress-nginx has it.
const ANSWER: Duration = Duration::from_secs(2);

/// A name's addresses: sorted, each once, never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) live: Duration,
}

/// Why a lookup gave no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LookupError {
    #[error("there is no such name")]
    NoName,
    #[error("the name has no address")]
    NoAddress,
    /// Nobody said whether the name exists.
    #[error("{0}")]
    Unanswered(String),
}

impl LookupError {
    /// Whether name servers vouch for it that the name leads nowhere.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::NoName | Self::NoAddress => true,
            Self::Unanswered(_) => false,
        }
    }
}

impl From<NetError> for LookupError {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
                Self::NoName
            }
            NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NoError => {
                Self::NoAddress
            }
            NetError::Dns(DnsError::NoRecordsFound(none)) => Self::Unanswered(refusal(none.response_code)),
            NetError::Dns(DnsError::ResponseCode(code)) => Self::Unanswered(refusal(code)),
            NetError::Timeout => Self::late(),
            other => Self::Unanswered(other.to_string()),
        }
    }
}

impl LookupError {
    fn late() -> Self {
        Self::Unanswered("no answer in time".to_owned())
    }
}

fn refusal(code: ResponseCode) -> String {
    format!("the name server answers {code:?}")
}

/// Asks name servers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Resolver {
    asking: TokioResolver,
    /// The domains in which short names are looked for.
    search: Arc<[Name]>,
    /// Names with fewer dots are looked for there first.
    dots: usize,
}

impl Resolver {
    /// The resolver of this machine's configuration.
    pub(super) fn of_this_machine() -> Result<Self, LookupError> {
        let (config, options) = read_system_conf()?;
        Self::new(config, options)
    }

    /// Every lookup asks anew, because only what has ended its time to live is looked up, and a name that was missing may
    /// be there the next time; both families are asked for.
    pub(super) fn new(config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, LookupError> {
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.timeout = options.timeout.min(ANSWER);
        let dots = options.ndots;
        let search = config.domain().into_iter().chain(config.search()).cloned().collect();
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        Ok(Self { asking: builder.build()?, search, dots })
    }

    /// Resolves a name in `patience` at most. A failure within the engine is a failure of this lookup alone.
    pub(super) async fn resolve(&self, name: &str, patience: Duration) -> Result<Found, LookupError> {
        let looking = AssertUnwindSafe(timeout(patience, self.search(name))).catch_unwind().await;
        let looked = looking.map_err(|_panic| LookupError::Unanswered("the resolver failed".to_owned()))?;
        looked.map_err(|_elapsed| LookupError::late())?
    }

    /// Looks for a name where it may be, in order. That it is nowhere takes an answer for every place.
    async fn search(&self, name: &str) -> Result<Found, LookupError> {
        let mut unanswered = None;
        let mut nowhere = LookupError::NoName;
        for place in self.places(name)? {
            match self.ask(place).await {
                Ok(found) => return Ok(found),
                Err(LookupError::NoName) => {}
                Err(LookupError::NoAddress) => nowhere = LookupError::NoAddress,
                Err(error @ LookupError::Unanswered(_)) => _ = unanswered.get_or_insert(error),
            }
        }
        Err(unanswered.unwrap_or(nowhere))
    }

    /// The whole names that a name may stand for (resolv.conf(5), `search` and `ndots`). One that ends with a dot is whole.
    fn places(&self, name: &str) -> Result<Vec<Name>, LookupError> {
        let relative = Name::from_ascii(name).map_err(|error| LookupError::Unanswered(error.to_string()))?;
        if relative.is_fqdn() {
            return Ok(vec![relative]);
        }
        let mut whole = relative.clone();
        whole.set_fqdn(true);
        // A name that is too long there is not there.
        let mut places: Vec<Name> =
            self.search.iter().filter_map(|domain| relative.clone().append_domain(domain).ok()).collect();
        let first = name.matches('.').count() >= self.dots || relative.is_localhost();
        places.insert(if first { 0 } else { places.len() }, whole);
        Ok(places)
    }

    async fn ask(&self, name: Name) -> Result<Found, LookupError> {
        let lookup = self.asking.lookup_ip(name).await?;
        let addresses: BTreeSet<_> = lookup.iter().map(|address| address.to_canonical()).collect();
        if addresses.is_empty() {
            return Err(LookupError::NoAddress);
        }
        #[expect(clippy::disallowed_methods, reason = "the engine tells until when in the machine's time")]
        let now = std::time::Instant::now();
        let live = lookup.valid_until().saturating_duration_since(now);
        Ok(Found { addresses: addresses.into_iter().collect(), live })
    }
}

/// Whether this machine has a route to an address, as far as its routing table says; nothing is sent. A machine without
/// IPv6 would else try the IPv6 addresses of every name in vain.
pub(super) fn is_routed(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Any port but 0 will do: connecting a datagram socket only looks up the route.
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(SocketAddr::new(address, 53))).is_ok()
}
