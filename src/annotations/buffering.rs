//! Buffer sizes: bodies are streamed, so there is little to tune.

use super::catalogue::{Annotation, Class, Scope, Support};
use super::policy::IngressPolicy;
use super::{Family, Values};

pub(super) struct Buffering;

impl Family for Buffering {
    fn title(&self) -> &'static str {
        "Buffering"
    }

    fn annotations(&self) -> &'static [Annotation] {
        ROWS
    }

    fn apply(&self, _: &mut Values<'_>, _: &mut IngressPolicy) {}
}

const ROWS: &[Annotation] = &[
    Annotation::new(
        "proxy-request-buffering",
        Class::B,
        Scope::Route,
        "on",
        Support::NoEffect,
        "request bodies are always streamed",
    ),
    Annotation::new(
        "proxy-buffering",
        Class::B,
        Scope::Route,
        "off",
        Support::NoEffect,
        "response bodies are always streamed",
    ),
    Annotation::new(
        "proxy-buffer-size",
        Class::A,
        Scope::Route,
        "4k",
        Support::NoEffect,
        "response heads up to the built-in limit are read whatever it says",
    ),
    Annotation::new(
        "proxy-buffers-number",
        Class::C,
        Scope::Route,
        "4",
        Support::NoEffect,
        "response bodies are always streamed",
    ),
    Annotation::new(
        "proxy-busy-buffers-size",
        Class::C,
        Scope::Route,
        "",
        Support::NoEffect,
        "response bodies are always streamed",
    ),
    Annotation::new(
        "proxy-max-temp-file-size",
        Class::C,
        Scope::Route,
        "1024m",
        Support::NoEffect,
        "nothing is buffered on disk",
    ),
    Annotation::new(
        "client-body-buffer-size",
        Class::C,
        Scope::Route,
        "8k",
        Support::NoEffect,
        "request bodies are always streamed",
    ),
];
