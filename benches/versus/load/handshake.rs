//! Clients that make a TLS connection and close it.

use std::sync::Arc;

use anyhow::{Result, ensure};
use landfall::testing::certificates::Key;
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stream::{self, Protocol};
use super::{Hosts, Resumption, Target};
use crate::site;

/// Makes and closes connections until told to stop.
pub(crate) async fn repeat(target: &Target, key: Key, resumption: Resumption, hosts: Hosts) -> Result<()> {
    let main = if key == Key::Rsa { site::RSA } else { site::MAIN };
    let config = match resumption {
        Resumption::Full => Arc::clone(target.dialer.config(Protocol::Http1)),
        Resumption::Resumed => {
            let config = target.dialer.resuming();
            // The first has no ticket yet.
            one(target, main, &config).await?;
            config
        }
    };
    let wanted = match resumption {
        Resumption::Full => HandshakeKind::Full,
        Resumption::Resumed => HandshakeKind::Resumed,
    };
    target.meter.client_ready();
    while !target.meter.is_stopped() {
        let host = match hosts {
            Hosts::One => main,
            Hosts::Random => target.aim(hosts).0,
        };
        let kind = one(target, host, &config).await?;
        ensure!(kind == Some(wanted), "a handshake is {kind:?} instead of {wanted:?}");
        target.meter.complete();
    }
    Ok(())
}

/// One connection, to its orderly end: the proxy has then done all of the handshake, tickets included.
async fn one(target: &Target, host: &str, config: &Arc<ClientConfig>) -> Result<Option<HandshakeKind>> {
    let mut stream = stream::secure(target.https, host, config).await?;
    let kind = stream.get_ref().1.handshake_kind();
    stream.shutdown().await?;
    let mut rest = [0; 64];
    loop {
        // A proxy that resets instead of closing has done its work as well.
        match stream.read(&mut rest).await {
            Ok(0) | Err(_) => return Ok(kind),
            Ok(_) => {}
        }
    }
}
