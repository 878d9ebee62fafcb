#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    salver_fuzz::targets::key(bytes);
});
