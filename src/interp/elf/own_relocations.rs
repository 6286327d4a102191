//! Relocations of a libpython that refer to its own symbols. Nothing else defines these symbols, which have names of this
//! copy's own; so the dynamic loader need not look them up. There are many thousands, to `_Py_NoneStruct` for example.

use object::LittleEndian as LE;
use object::elf::{
    EM_AARCH64, FileHeader64, R_AARCH64_ABS64, R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT, R_AARCH64_RELATIVE,
    R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE, RelocationType, SHN_ABS,
    SHN_UNDEF, STT_FUNC, STT_NOTYPE, STT_OBJECT,
};

use super::image::{Image, OUTSIDE_RELOCATIONS, Relocation, Symbol, get, get_all_mut};
use super::loader_parts::other_relocations;
use super::malformed::Malformed;

/// The types of relocations that are a symbol's address, and the type that is an address of the library.
struct Types {
    symbol: [RelocationType; 3],
    relative: RelocationType,
}

const X86_64: Types =
    Types { symbol: [R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT], relative: R_X86_64_RELATIVE };
const AARCH64: Types = Types {
    symbol: [R_AARCH64_ABS64, R_AARCH64_GLOB_DAT, R_AARCH64_JUMP_SLOT],
    relative: R_AARCH64_RELATIVE,
};

/// Turns relocations that refer to symbols which the library defines into ones that add its load address. `is_own` tells
/// the symbols, by their positions, that are bound to the library's definitions. The library must be bound when it is
/// loaded, and not later.
pub(super) fn resolve_own(image: &mut Image, is_own: impl Fn(usize) -> bool) -> Result<(), Malformed> {
    let header = get::<FileHeader64<LE>>(&image.bytes, 0, OUTSIDE_RELOCATIONS)?;
    let types = if header.e_machine.get(LE) == EM_AARCH64 { AARCH64 } else { X86_64 };
    let symbols = image.symbols().to_vec();
    for table in other_relocations(image)? {
        let count = table.len() / size_of::<Relocation>();
        let relocations: &mut [Relocation] =
            get_all_mut(&mut image.bytes, table.start, count, OUTSIDE_RELOCATIONS)?;
        for relocation in relocations {
            let (kind, number) = (relocation.r_type(LE, false), relocation.r_sym(LE, false) as usize);
            let Some(symbol) = symbols.get(number).filter(|symbol| is_plain_definition(symbol)) else {
                continue;
            };
            if types.symbol.contains(&kind) && is_own(number) {
                let address = (symbol.st_value.get(LE) as i64).wrapping_add(relocation.r_addend.get(LE));
                relocation.r_addend.set(LE, address);
                relocation.set_r_info(LE, false, 0, types.relative);
            }
        }
    }
    Ok(())
}

/// Whether the symbol is defined as an address in the library.
fn is_plain_definition(symbol: &Symbol) -> bool {
    let section = symbol.st_shndx.get(LE);
    section != SHN_UNDEF
        && section != SHN_ABS
        && [STT_NOTYPE, STT_OBJECT, STT_FUNC].contains(&symbol.st_type())
}
