#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| leapday_fuzz::properties::story(data));
