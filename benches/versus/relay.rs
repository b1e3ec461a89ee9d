//! The floor: a relay of octets between two connections, with the fewest system calls that relaying takes.
//!
//! Four per exchange: each end is read once and written once, and one wait serves all that is ready. It knows nothing
//! of HTTP, so it measures what the kernel costs and nothing else. It runs as a process of its own, as proxies do.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

/// What is moved at once. Large bodies go in few calls, and small ones touch only their own octets.
const ROOM: usize = 256 * 1024;

/// The token of the listening socket. Connections have two each, from 0 up.
const LISTENER: u64 = u64::MAX;

/// Relays until the process is ended.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let [port, origin] = arguments else { anyhow::bail!("relay PORT ORIGIN") };
    let origin: SocketAddr = origin.parse().context("the origin is an address")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().context("the port is a number")?))?;
    Relay::new(listener, origin)?.run()
}

struct Relay {
    epoll: OwnedFd,
    listener: TcpListener,
    origin: SocketAddr,
    /// Both directions of a connection stand side by side.
    ends: Vec<Option<End>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
}

/// One end of a relayed connection.
struct End {
    stream: TcpStream,
    /// What was read from the other end and could not be written yet.
    pending: Vec<u8>,
    /// The other end has said that it will send no more.
    closing: bool,
}

impl Relay {
    fn new(listener: TcpListener, origin: SocketAddr) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        listener.set_nonblocking(true)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        Ok(Self { epoll, listener, origin, ends: Vec::new(), free: Vec::new(), buffer: vec![0; ROOM] })
    }

    fn run(mut self) -> Result<()> {
        let mut events = Vec::with_capacity(256);
        loop {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                match event.data.u64() {
                    LISTENER => self.accept(),
                    token => self.serve(usize::try_from(token)?, event.flags),
                }
            }
        }
    }

    fn accept(&mut self) {
        // A connection that cannot be made is closed, which its client sees.
        while let Ok((client, _)) = self.listener.accept() {
            let _made = self.connect(client);
        }
    }

    fn connect(&mut self, client: TcpStream) -> Result<()> {
        let origin = TcpStream::connect(self.origin)?;
        let first = self.free.pop().unwrap_or_else(|| {
            self.ends.extend([None, None]);
            self.ends.len() - 2
        });
        for (token, stream) in [(first, client), (first + 1, origin)] {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&self.epoll, &stream, EventData::new_u64(token as u64), flags)?;
            self.ends[token] = Some(End { stream, pending: Vec::new(), closing: false });
        }
        Ok(())
    }

    fn serve(&mut self, token: usize, flags: EventFlags) {
        let flushed = if flags.contains(EventFlags::OUT) { self.flush(token) } else { Some(()) };
        let served = flushed.and_then(|()| self.read(token, flags));
        // Both ends have closed, or one is broken.
        if served.is_none() {
            let first = token & !1;
            let existed = self.ends[first].take().is_some();
            self.ends[first + 1] = None;
            if existed {
                self.free.push(first);
            }
        }
    }

    /// Writes what waited for this end, and reads on at the other if it waited for that.
    fn flush(&mut self, token: usize) -> Option<()> {
        let end = self.ends.get_mut(token)?.as_mut()?;
        if end.pending.is_empty() {
            return Some(());
        }
        let pending = std::mem::take(&mut end.pending);
        self.write(token, &pending)?;
        let end = self.ends.get(token)?.as_ref()?;
        if end.pending.is_empty() { self.read(token ^ 1, EventFlags::IN) } else { Some(()) }
    }

    fn read(&mut self, token: usize, flags: EventFlags) -> Option<()> {
        if !flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
            return Some(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let moved = self.transfer(token, flags, &mut buffer);
        self.buffer = buffer;
        moved
    }

    /// Reads until nothing is left, or the other end takes no more. None is the end of the connection.
    fn transfer(&mut self, token: usize, flags: EventFlags, buffer: &mut [u8]) -> Option<()> {
        loop {
            if !self.ends.get(token ^ 1)?.as_ref()?.pending.is_empty() {
                return Some(());
            }
            let read = match rustix::io::read(&self.ends.get(token)?.as_ref()?.stream, &mut *buffer) {
                Ok(read) => read,
                Err(Errno::AGAIN) => return Some(()),
                Err(_) => return None,
            };
            if read == 0 {
                return self.close(token);
            }
            self.write(token ^ 1, buffer.get(..read)?)?;
            // Less than there was room for is all there is, unless the end of the stream follows.
            if read < buffer.len() && !flags.intersects(EventFlags::RDHUP | EventFlags::HUP) {
                return Some(());
            }
        }
    }

    fn write(&mut self, token: usize, mut octets: &[u8]) -> Option<()> {
        let end = self.ends.get_mut(token)?.as_mut()?;
        while !octets.is_empty() {
            match rustix::io::write(&end.stream, octets) {
                Ok(written) => octets = octets.get(written..)?,
                Err(Errno::AGAIN) => {
                    end.pending.extend_from_slice(octets);
                    return Some(());
                }
                Err(_) => return None,
            }
        }
        if end.closing { end.stream.shutdown(std::net::Shutdown::Write).ok() } else { Some(()) }
    }

    /// This end sends no more: the other is told, and when both have, the connection is over.
    fn close(&mut self, token: usize) -> Option<()> {
        let own_closing = self.ends.get(token)?.as_ref()?.closing;
        let other = self.ends.get_mut(token ^ 1)?.as_mut()?;
        if own_closing {
            return None;
        }
        other.closing = true;
        other.stream.shutdown(std::net::Shutdown::Write).ok()
    }
}
