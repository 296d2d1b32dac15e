//! What the fuzzer's targets have in common.

pub mod properties;
