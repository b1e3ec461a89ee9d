//! stub
pub(crate) mod downstream {
    use super::super::*;
    pub(crate) async fn serve(
        _w: std::rc::Rc<worker::Worker>,
        _p: crate::request::Peer,
        _t: wire::Transport,
        _b: buffer::ReadBuffer,
    ) {
    }
}
pub(crate) mod upstream {
    use crate::ir::backend::KeepAlive;
    use crate::proxy::{h1, sides::AnswerError, wire::Transport};
    use std::{rc::Rc, time::Instant};
    #[derive(Debug)]
    pub(crate) struct SharedConnection {}
    impl SharedConnection {
        pub(crate) async fn open<F: FnOnce(std::pin::Pin<Box<dyn Future<Output = ()>>>)>(
            _t: Transport,
            _n: Instant,
            _s: F,
        ) -> Result<Rc<Self>, AnswerError> {
            Err(AnswerError::Refused)
        }
        pub(crate) fn exchange(&self) -> h1::upstream::Exchange<'_> {
            panic!()
        }
        pub(crate) fn is_usable(&self, _l: &KeepAlive, _n: Instant) -> bool {
            false
        }
        pub(crate) fn has_room(&self) -> bool {
            false
        }
        pub(crate) fn streams(&self) -> usize {
            0
        }
    }
}
