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
    let sockets = linux::established()?;
    // A socket's own queue is what it has not read yet: the other end's is asked for.
    let queues: BTreeMap<u32, u64> = (sockets.iter())
        .filter_map(|socket| Some((socket.inode, socket.unread?.into())))
        .collect();
    let accepted = (sockets.iter()).filter(|socket| socket.path.as_deref() == Some(path));
    let unread = accepted.filter_map(|socket| {
        let unread = queues.get(&socket.peer?)?;
        Some((socket.inode, *unread))
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

/// The kernel's words for unix sockets: `sock_diag(7)`, and `linux/unix_diag.h`.
#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsStr;
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::path::PathBuf;

    use netlink_sys::protocols::NETLINK_SOCK_DIAG;
    use netlink_sys::{Socket, SocketAddr};

    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLMSG_ERROR: u16 = 2;
    const NLMSG_DONE: u16 = 3;
    const NLM_F_REQUEST: u16 = 1;
    const NLM_F_DUMP: u16 = 0x300;
    const AF_UNIX: u8 = 1;
    /// As a bit of a set of states: `TCP_ESTABLISHED`, which is 1.
    const ESTABLISHED: u32 = 1 << 1;
    const UDIAG_SHOW_NAME: u32 = 1;
    const UDIAG_SHOW_PEER: u32 = 4;
    const UDIAG_SHOW_RQLEN: u32 = 0x10;
    const UNIX_DIAG_NAME: u16 = 0;
    const UNIX_DIAG_PEER: u16 = 2;
    const UNIX_DIAG_RQLEN: u16 = 4;
    /// The lengths of `nlmsghdr`, `unix_diag_msg` and `nlattr`, in bytes.
    const HEADER: usize = 16;
    const MESSAGE: usize = 16;
    const ATTRIBUTE: usize = 4;

    /// A connected unix socket.
    #[derive(Debug, Default, PartialEq, Eq)]
    pub(super) struct UnixSocket {
        pub(super) inode: u32,
        /// The path that it is bound to; one that was accepted has its listener's.
        pub(super) path: Option<PathBuf>,
        /// The other end's inode.
        pub(super) peer: Option<u32>,
        /// Bytes that it has not read yet.
        pub(super) unread: Option<u32>,
    }

    /// All connected unix sockets of this network namespace.
    pub(super) fn established() -> io::Result<Vec<UnixSocket>> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.send(&request(), 0)?;
        let mut sockets = Vec::new();
        loop {
            let (datagram, _) = socket.recv_from_full()?;
            if take(&datagram, &mut sockets)? {
                return Ok(sockets);
            }
        }
    }

    fn request() -> Vec<u8> {
        let wanted = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN;
        let mut body = vec![AF_UNIX, 0, 0, 0];
        // Any inode, and any cookie, which is twice as long.
        for word in [ESTABLISHED, 0, wanted, u32::MAX, u32::MAX] {
            body.extend(word.to_ne_bytes());
        }
        let length = (HEADER + body.len()) as u32;
        let mut request = length.to_ne_bytes().to_vec();
        request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        request.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
        request.extend([0; 8]);
        request.extend(body);
        request
    }

    /// Takes the sockets of one datagram; whether it was the last.
    fn take(datagram: &[u8], sockets: &mut Vec<UnixSocket>) -> io::Result<bool> {
        let mut rest = datagram;
        while !rest.is_empty() {
            let length = u32_at(rest, 0).ok_or(io::ErrorKind::InvalidData)? as usize;
            let message = rest.get(..length).ok_or(io::ErrorKind::InvalidData)?;
            let body = message.get(HEADER..).ok_or(io::ErrorKind::InvalidData)?;
            match u16_at(message, 4) {
                Some(NLMSG_DONE) => return Ok(true),
                Some(NLMSG_ERROR) => {
                    let negated = u32_at(body, 0).ok_or(io::ErrorKind::InvalidData)? as i32;
                    return Err(io::Error::from_raw_os_error(negated.wrapping_neg()));
                }
                Some(SOCK_DIAG_BY_FAMILY) => sockets.extend(unix_socket(body)),
                _ => {}
            }
            rest = rest.get(aligned(length)..).unwrap_or_default();
        }
        Ok(false)
    }

    /// `None` of what is cut short.
    fn unix_socket(body: &[u8]) -> Option<UnixSocket> {
        let mut socket = UnixSocket {
            inode: u32_at(body, 4)?,
            ..UnixSocket::default()
        };
        let mut rest = body.get(MESSAGE..)?;
        while !rest.is_empty() {
            let length = usize::from(u16_at(rest, 0)?);
            let value = rest.get(ATTRIBUTE..length)?;
            match u16_at(rest, 2)? {
                UNIX_DIAG_NAME => socket.path = path(value),
                UNIX_DIAG_PEER => socket.peer = u32_at(value, 0),
                UNIX_DIAG_RQLEN => socket.unread = u32_at(value, 0),
                _ => {}
            }
            rest = rest.get(aligned(length)..).unwrap_or_default();
        }
        Some(socket)
    }

    /// `None` of an abstract name, which begins with a zero.
    fn path(name: &[u8]) -> Option<PathBuf> {
        let name = name.split(|byte| *byte == 0).next()?;
        (!name.is_empty()).then(|| OsStr::from_bytes(name).into())
    }

    /// Messages and attributes begin at multiples of four bytes.
    fn aligned(length: usize) -> usize {
        length.next_multiple_of(4)
    }

    fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*bytes))
    }

    fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(u16::from_ne_bytes(*bytes))
    }

    #[cfg(test)]
    mod tests {
        use proptest::prelude::*;

        use super::*;

        fn header(length: usize, kind: u16) -> Vec<u8> {
            let mut bytes = (length as u32).to_ne_bytes().to_vec();
            bytes.extend(kind.to_ne_bytes());
            bytes.resize(HEADER, 0);
            bytes
        }

        #[test]
        fn an_error_of_the_kernels_is_its_error_number() {
            let mut datagram = header(HEADER + 4, NLMSG_ERROR);
            datagram.extend((-13_i32).to_ne_bytes());
            let error = take(&datagram, &mut Vec::new()).expect_err("EACCES");
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        }

        proptest! {
            #[test]
            fn no_datagram_panics_or_is_read_without_end(
                datagram in prop::collection::vec(any::<u8>(), 0..200),
                kind in prop::sample::select(vec![NLMSG_ERROR, NLMSG_DONE, SOCK_DIAG_BY_FAMILY]),
                length in 0..220_usize,
            ) {
                let _ = take(&datagram, &mut Vec::new());
                let _ = take(&[header(length, kind), datagram].concat(), &mut Vec::new());
            }
        }
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
