//! Making names safe where they are written: in URLs, in XML, and in a line of text.
//!
//! The compiler escapes what it pre-renders and the server escapes what clients send; both use
//! these functions, so that the same name always looks the same.

/// Appends the path of a URL: bytes that a path cannot hold are percent-encoded.
///
/// Encoded are controls, blanks, everything outside ASCII, and `"#%<>?[\]^` with the backtick and
/// `{|}`; slashes stay.
pub fn url_path(out: &mut Vec<u8>, path: &[u8]) {
    for &byte in path {
        let kept = byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte);
        if kept {
            out.push(byte);
        } else {
            out.extend([b'%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
}

/// Appends character data or an attribute value of XML 1.0.
///
/// Bytes that are not UTF-8, and characters that XML cannot hold, become U+FFFD.
pub fn xml(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '&' => out.extend(b"&amp;"),
                '<' => out.extend(b"&lt;"),
                '>' => out.extend(b"&gt;"),
                '"' => out.extend(b"&quot;"),
                '\t' | '\n' | '\r' => out.push(b' '),
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.extend(REPLACEMENT),
                other => out.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend(REPLACEMENT);
        }
    }
}

/// Appends a value to a line of text: control characters and line ends are left out, bytes that
/// are not UTF-8 become U+FFFD.
pub fn line(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|byte| (b' '..0x7f).contains(byte)) {
        return out.extend_from_slice(text);
    }
    for chunk in text.utf8_chunks() {
        let separator = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
        for character in chunk.valid().chars().filter(|&c| !separator(c)) {
            out.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        if !chunk.invalid().is_empty() {
            out.extend(REPLACEMENT);
        }
    }
}

fn hex(nibble: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(nibble & 15)]
}

/// U+FFFD in UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
