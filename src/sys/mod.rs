//! What leakcheck asks of the system: signals, a child's standard error, sockets' directories, HTTP.

pub mod child_stderr;
pub mod console_server;
pub mod host_name;
pub mod http;
pub mod invocation;
pub mod pause;
pub mod signals;
pub mod socket_dirs;
pub mod stderr;
pub mod this_tool;
mod unix_socket;
