//! Making an attack: connections that send what the program says.

#![expect(clippy::disallowed_methods, reason = "attacks are measured by the clock")]

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use super::{Attack, Made, Manner, Pace, Port, Ports, SHORT};
use crate::testing::frames::GOAWAY;

/// How long all octets of a connection may take to be sent.
const LONGEST: Duration = Duration::from_secs(60);

/// When the short timeouts have run out, also those that begin when the system's buffers are full.
const BEYOND_SHORT: Duration = SHORT.saturating_mul(2);

/// How long connections that are held for their number alone are there.
const IDLE: Duration = Duration::from_secs(3);

/// The most of a server's answers to a flood that is looked through.
const ANSWERS: usize = 1024 * 1024;

/// What is read at once.
const ROOM: usize = 64 * 1024;

impl Attack {
    /// Makes the attack. `pace` is that of a flood's connections. `patience` is how long the server's end of a connection
    /// is waited for: in a flood, since it last took or sent something; otherwise since its timeouts have run out. What it
    /// has not ended by then is closed.
    pub async fn make(&self, ports: Ports, pace: Pace, patience: Duration) -> Made {
        let address = match self.port {
            Port::Http1 => ports.http1,
            Port::Http2 => ports.http2,
            Port::Tls => ports.tls,
        };
        match self.manner {
            Manner::Flood => self.flood(address, pace, patience).await,
            Manner::Hold => self.hold(address, patience).await,
            Manner::Trickle => self.trickle(address, patience).await,
            Manner::Idle => self.idle(address).await,
        }
    }

    async fn flood(&self, address: SocketAddr, pace: Pace, patience: Duration) -> Made {
        let mut made = Made::default();
        let octets = Bytes::copy_from_slice(&self.octets);
        match pace {
            Pace::OneByOne => {
                for _ in 0..self.connections {
                    made += flood(address, octets.clone(), patience).await;
                }
            }
            Pace::Every(period) => {
                let (mut flooding, mut moments) = (JoinSet::new(), interval(period));
                for _ in 0..self.connections {
                    moments.tick().await;
                    flooding.spawn(flood(address, octets.clone(), patience));
                }
                flooding.join_all().await.into_iter().for_each(|one| made += one);
            }
        }
        made
    }

    async fn hold(&self, address: SocketAddr, patience: Duration) -> Made {
        let mut holding = JoinSet::new();
        for mut stream in self.connected(address).await {
            let octets = self.octets.clone();
            holding.spawn(async move {
                let sent = timeout(LONGEST, send(&mut stream, &octets)).await.unwrap_or_default();
                (sent, wait_out(stream, patience).await)
            });
        }
        total(holding.join_all().await)
    }

    async fn trickle(&self, address: SocketAddr, patience: Duration) -> Made {
        let mut streams = self.connected(address).await;
        let mut sent = vec![0; streams.len()];
        for octet in self.octets.chunks(1) {
            for (stream, sent) in streams.iter_mut().zip(&mut sent) {
                *sent += send(stream, octet).await;
            }
        }
        let mut waiting = JoinSet::new();
        for (stream, sent) in streams.into_iter().zip(sent) {
            waiting.spawn(async move { (sent, wait_out(stream, patience).await) });
        }
        total(waiting.join_all().await)
    }

    async fn idle(&self, address: SocketAddr) -> Made {
        let mut streams = self.connected(address).await;
        let mut all = Vec::with_capacity(streams.len());
        for stream in &mut streams {
            all.push((send(stream, &self.octets).await, End::Open));
        }
        sleep(IDLE).await;
        for (stream, (_, end)) in streams.iter().zip(&mut all) {
            *end = look(stream);
        }
        total(all)
    }

    /// All connections, one after another, so that no queue of the server overflows.
    async fn connected(&self, address: SocketAddr) -> Vec<TcpStream> {
        let mut streams = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            streams.extend(TcpStream::connect(address).await);
        }
        streams
    }
}

/// Whether the server has ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Closed,
}

fn total(all: Vec<(u64, End)>) -> Made {
    let mut made = Made::default();
    for (octets, end) in all {
        made.connections += 1;
        made.octets += octets;
        made.closed += u64::from(end == End::Closed);
    }
    made
}

/// Sends all that the other end takes; how many octets that was.
async fn send(stream: &mut TcpStream, octets: &[u8]) -> u64 {
    let mut rest = octets;
    while !rest.is_empty() {
        match stream.write(rest).await {
            Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
            Err(_) => break,
        }
    }
    (octets.len() - rest.len()) as u64
}

/// Reads nothing until the server's timeouts have run out, and then to the end.
async fn wait_out(mut stream: TcpStream, patience: Duration) -> End {
    sleep(BEYOND_SHORT).await;
    let mut room = vec![0; ROOM];
    let to_the_end = async { while stream.read(&mut room).await.is_ok_and(|read| read > 0) {} };
    timeout(patience, to_the_end).await.map_or(End::Open, |()| End::Closed)
}

/// Takes what has come, and tells whether the end has.
fn look(stream: &TcpStream) -> End {
    let mut room = [0; 1024];
    loop {
        match stream.try_read(&mut room) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return End::Open,
            Ok(0) | Err(_) => return End::Closed,
        }
    }
}

/// Sends a flood and reads what comes meanwhile. The server may end it before it has said everything.
async fn flood(address: SocketAddr, octets: Bytes, patience: Duration) -> Made {
    let Ok(mut stream) = TcpStream::connect(address).await else { return Made::default() };
    let (mut reader, mut writer) = stream.split();
    let (mut rest, mut room, mut answers) = (octets.as_ref(), vec![0; ROOM], Vec::new());
    let mut made = Made { connections: 1, ..Made::default() };
    let (began, mut last_sent) = (Instant::now(), Instant::now());
    while began.elapsed() < LONGEST {
        tokio::select! {
            taken = writer.write(rest), if !rest.is_empty() => {
                made.octets += taken.as_ref().map_or(0, |taken| *taken as u64);
                // What cannot be sent any more is not tried again; the end is read.
                rest = taken.ok().and_then(|taken| rest.get(taken..)).unwrap_or_default();
                last_sent = Instant::now();
            }
            read = reader.read(&mut room) => match read {
                Ok(read @ 1..) if answers.len() < ANSWERS => answers.extend(room.iter().take(read)),
                Ok(1..) => {}
                Ok(0) | Err(_) => {
                    made.closed = 1;
                    made.told = u64::from(answers.is_empty() || has_goaway(&answers));
                    made.slowest = last_sent.elapsed();
                    break;
                }
            },
            () = sleep(patience) => break,
        }
    }
    made
}

fn has_goaway(mut frames: &[u8]) -> bool {
    while let [a, b, c, kind, _, _, _, _, _, payload @ ..] = frames {
        if *kind == GOAWAY {
            return true;
        }
        frames = payload.get(u32::from_be_bytes([0, *a, *b, *c]) as usize..).unwrap_or_default();
    }
    false
}
