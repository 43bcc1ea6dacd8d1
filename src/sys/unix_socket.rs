//! HTTP over a unix socket, as Docker and containerd serve it.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Agent, Error};

/// An agent whose requests all go to this socket.
pub(super) fn agent(config: Config, socket: &Path) -> Agent {
    Agent::with_parts(config, SocketConnector(socket.to_owned()), NoNames)
}

/// Connects to its socket, whatever the request names.
#[derive(Debug)]
struct SocketConnector(PathBuf);

impl Connector<()> for SocketConnector {
    type Out = SocketTransport;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let (input, output) = (
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        Ok(Some(SocketTransport {
            stream: UnixStream::connect(&self.0)?,
            buffers: LazyBuffers::new(input, output),
        }))
    }
}

/// Looks no name up.
#[derive(Debug)]
struct NoNames;

impl Resolver for NoNames {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

#[derive(Debug)]
struct SocketTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream
            .set_write_timeout(timeout.not_zero().map(|left| *left))?;
        let written = self.stream.write_all(&self.buffers.output()[..amount]);
        written.map_err(|error| said(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream
            .set_read_timeout(timeout.not_zero().map(|left| *left))?;
        let read = self.stream.read(self.buffers.input_append_buf());
        let read = read.map_err(|error| said(error, timeout))?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        // What the other side has closed, or said unasked, is of no further use.
        let nothing = |read: io::Result<usize>| matches!(read, Err(error) if is_late(&error));
        let free = self.stream.set_nonblocking(true).is_ok() && nothing(self.stream.read(&mut [0]));
        free && self.stream.set_nonblocking(false).is_ok()
    }
}

/// A time that is over, as ureq calls it, or the error itself.
fn said(error: io::Error, timeout: NextTimeout) -> Error {
    match is_late(&error) {
        true => Error::Timeout(timeout.reason),
        false => error.into(),
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
