//! What was written to a unix socket's connections and lies unread at their other ends.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Unread bytes of each connection that was accepted at a socket's path, by the connection's number.
///
/// # Errors
/// Where the kernel does not tell: it is Linux's `sock_diag` that does.
#[cfg(target_os = "linux")]
pub fn of_connections_to(path: &Path) -> io::Result<BTreeMap<u32, u64>> {
    use netlink_packet_sock_diag::unix::nlas::UnixDiagName;

    let sockets = linux::established()?;
    // A socket's own queue is what it has not read yet: the other end's is asked for.
    let queues: BTreeMap<u32, u64> = (sockets.iter())
        .filter_map(|socket| Some((socket.header.inode, socket.receive_queue_size()?.into())))
        .collect();
    let is_at_path = |name: &UnixDiagName| match name {
        UnixDiagName::Pathname(name) => Path::new(name) == path,
        UnixDiagName::Abstract(_) => false,
    };
    let accepted = (sockets.iter()).filter(|socket| socket.name().is_some_and(is_at_path));
    let unread = accepted.filter_map(|socket| {
        let unread = queues.get(&socket.peer()?)?;
        Some((socket.header.inode, *unread))
    });
    Ok(unread.collect())
}

/// Nothing: only Linux tells.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn of_connections_to(_path: &Path) -> io::Result<BTreeMap<u32, u64>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use netlink_packet_core::{
        NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    };
    use netlink_packet_sock_diag::SockDiagMessage;
    use netlink_packet_sock_diag::unix::{ShowFlags, StateFlags, UnixRequest, UnixResponse};
    use netlink_sys::protocols::NETLINK_SOCK_DIAG;
    use netlink_sys::{Socket, SocketAddr};

    /// All connected unix sockets of this network namespace.
    pub(super) fn established() -> io::Result<Vec<UnixResponse>> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.send(&request(), 0)?;
        let mut sockets = Vec::new();
        loop {
            let (datagram, _) = socket.recv_from_full()?;
            let mut rest = &datagram[..];
            while !rest.is_empty() {
                let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest)
                    .map_err(|error| io::Error::other(error.to_string()))?;
                let length = message.header.length as usize;
                match message.payload {
                    NetlinkPayload::InnerMessage(SockDiagMessage::UnixResponse(one)) => {
                        sockets.push(*one);
                    }
                    NetlinkPayload::Done(_) => return Ok(sockets),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    _ => {}
                }
                // A message begins at a multiple of four bytes.
                rest = match length {
                    0 => &[],
                    length => rest.get(length.next_multiple_of(4)..).unwrap_or_default(),
                };
            }
        }
    }

    fn request() -> Vec<u8> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        let request = UnixRequest {
            state_flags: StateFlags::ESTABLISHED,
            inode: 0,
            show_flags: ShowFlags::NAME | ShowFlags::PEER | ShowFlags::RQLEN,
            cookie: [0xff; 8],
        };
        let mut packet = NetlinkMessage::new(header, SockDiagMessage::UnixRequest(request).into());
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        bytes
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn what_was_written_is_unread_until_it_is_read() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("s.sock");
        let listener = UnixListener::bind(&path).expect("free");
        let mut client = UnixStream::connect(&path).expect("listens");
        let (mut accepted, _) = listener.accept().expect("connected");
        let unread = || {
            let all = of_connections_to(&path).expect("Linux tells");
            all.into_values().collect::<Vec<_>>()
        };
        assert_eq!(unread(), [0]);
        accepted.write_all(b"five!").expect("open");
        assert_eq!(unread(), [5]);
        client.read_exact(&mut [0; 3]).expect("written");
        assert_eq!(unread(), [2]);
        drop(client);
        assert!(unread().is_empty());
    }
}
