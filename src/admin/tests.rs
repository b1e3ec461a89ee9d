//! The admin server over real sockets.
