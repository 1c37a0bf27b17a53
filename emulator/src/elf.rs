//! What is in a firmware image: sizes for the budgets, symbols for the promises.

use std::{
    fs,
    path::{Path, PathBuf},
};

use object::{
    Object, ObjectSection, ObjectSymbol, SectionFlags,
    elf::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS},
    read::elf::ElfFile32,
};

/// Sections that name the rest of RAM and occupy nothing.
const PLACEHOLDERS: [&str; 2] = [".stack", ".heap"];

/// Sections of code and constants, vectors excepted.
const CODE_SECTIONS: [&str; 2] = [".text", ".rodata"];

/// What an image occupies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageSizes {
    /// Code, constants, and the initial values of static memory.
    pub flash_bytes: u64,
    /// Static memory, stack not included.
    pub ram_bytes: u64,
}

/// Why an ELF file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ElfError {
    /// It can't be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It isn't a firmware image.
    #[error("{} is not a firmware image (a 32-bit ELF file): {source}", path.display())]
    NotElf {
        /// The file.
        path: PathBuf,
        /// Why.
        source: object::Error,
    },
}

/// Measures an image.
///
/// # Errors
/// When the file can't be read or isn't an ELF file.
pub fn image_sizes(path: &Path) -> Result<ImageSizes, ElfError> {
    with_elf(path, |elf| {
        let mut sizes = ImageSizes::default();
        for section in elf.sections() {
            let SectionFlags::Elf { sh_flags, sh_type } = section.flags() else { continue };
            if !sh_flags.contains(SHF_ALLOC) || section.name().is_ok_and(|name| PLACEHOLDERS.contains(&name)) {
                continue;
            }
            if sh_type != SHT_NOBITS {
                sizes.flash_bytes += section.size();
            }
            if sh_flags.contains(SHF_WRITE) {
                sizes.ram_bytes += section.size();
            }
        }
        sizes
    })
}

/// The names of all functions and data in an image.
///
/// # Errors
/// When the file can't be read or isn't an ELF file.
pub fn image_symbols(path: &Path) -> Result<Vec<String>, ElfError> {
    with_elf(path, |elf| {
        elf.symbols()
            .filter_map(|symbol| symbol.name().ok())
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    })
}

/// The bytes of code and constants of an image without those symbols of it for which `is_foreign` says true; vectors are not counted.
///
/// # Errors
/// When the file can't be read or isn't an ELF file.
pub fn code_bytes(path: &Path, is_foreign: impl Fn(&str) -> bool) -> Result<u64, ElfError> {
    with_elf(path, |elf| {
        let counted = |section: &object::read::elf::ElfSection32<'_, '_>| {
            section.name().is_ok_and(|name| CODE_SECTIONS.contains(&name))
        };
        let all: u64 = elf.sections().filter(counted).map(|section| section.size()).sum();
        let indices: Vec<_> = elf.sections().filter(counted).map(|section| section.index()).collect();
        let foreign = elf.symbols().filter(|symbol| {
            symbol.section_index().is_some_and(|index| indices.contains(&index)) && symbol.name().is_ok_and(&is_foreign)
        });
        all.saturating_sub(foreign.map(|symbol| symbol.size()).sum())
    })
}

/// The names of all variables in static memory.
///
/// # Errors
/// When the file can't be read or isn't an ELF file.
pub fn static_memory(path: &Path) -> Result<Vec<String>, ElfError> {
    with_elf(path, |elf| {
        let is_writable = |section: &object::read::elf::ElfSection32<'_, '_>| match section.flags() {
            SectionFlags::Elf { sh_flags, .. } => sh_flags.contains(SHF_ALLOC) && sh_flags.contains(SHF_WRITE),
            _ => false,
        };
        let indices: Vec<_> = elf.sections().filter(is_writable).map(|section| section.index()).collect();
        let variables = elf
            .symbols()
            .filter(|symbol| symbol.size() > 0 && symbol.section_index().is_some_and(|index| indices.contains(&index)));
        variables.filter_map(|symbol| symbol.name().ok()).map(str::to_owned).collect()
    })
}

fn with_elf<T>(path: &Path, read: impl FnOnce(&ElfFile32<'_>) -> T) -> Result<T, ElfError> {
    let bytes = fs::read(path).map_err(|source| ElfError::Unreadable { path: path.to_owned(), source })?;
    let elf = ElfFile32::parse(&*bytes).map_err(|source| ElfError::NotElf { path: path.to_owned(), source })?;
    Ok(read(&elf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_image() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device");
        let message = image_sizes(&path).unwrap_err().to_string();
        assert!(message.contains("device"), "{message}");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        let message = image_symbols(&path).unwrap_err().to_string();
        assert!(message.contains("not a firmware image"), "{message}");
    }
}
