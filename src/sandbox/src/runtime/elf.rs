//! Where an ELF executable asks for its dynamic loader (System V ABI, program header `PT_INTERP`).

const PT_INTERP: u32 = 3;

/// The path of the loader in a 64-bit little-endian image; `None` where it has none.
pub(super) fn interpreter(image: &[u8]) -> Option<String> {
    if image.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = usize::try_from(number(image, 0x20, 8)?).ok()?;
    let (size, count) = (number(image, 0x36, 2)? as usize, number(image, 0x38, 2)? as usize);
    let header =
        (0..count).map(|index| table + index * size).find(|&at| number(image, at, 4) == Some(u64::from(PT_INTERP)))?;
    let start = usize::try_from(number(image, header + 8, 8)?).ok()?;
    let length = usize::try_from(number(image, header + 32, 8)?).ok()?;
    let text = image.get(start..start.checked_add(length)?)?.split(|&byte| byte == 0).next()?;
    String::from_utf8(text.to_vec()).ok()
}

/// A little-endian number of `size` bytes at `at`.
fn number(image: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = image.get(at..at.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_is_found_in_a_minimal_image() {
        let mut image = vec![0; 0x40 + 56];
        image[..6].copy_from_slice(b"\x7fELF\x02\x01");
        image[0x20] = 0x40;
        image[0x36] = 56;
        image[0x38] = 1;
        image[0x40] = PT_INTERP as u8;
        image[0x48] = 0x78;
        image[0x60] = 6;
        image.extend_from_slice(b"/ld.so\0");
        image[0x60] = 7;
        assert_eq!(interpreter(&image).as_deref(), Some("/ld.so"));
        assert_eq!(interpreter(&image[..0x50]), None);
        assert_eq!(interpreter(b"#!/bin/sh"), None);
    }
}
