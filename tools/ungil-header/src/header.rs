//! Generates `include/ungil.h`, with cbindgen.

use super::{chapters, in_project};

pub fn generate() -> String {
    let config = cbindgen::Config::from_file(in_project("cbindgen.toml")).expect("cbindgen.toml is valid");
    let builder = chapters().fold(cbindgen::Builder::new(), |all, chapter| all.with_src(chapter));
    let mut header = Vec::new();
    builder.with_config(config).generate().expect("cbindgen understands the source").write(&mut header);
    String::from_utf8(header).expect("cbindgen writes UTF-8")
}
