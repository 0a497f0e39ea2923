//! Tags and texts of HTML, as they come; nothing is put together and nothing is ever wrong.

/// A piece of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A tag, in lower case if it is one that matters, and its attributes as they stand.
    Open(&'a str, &'a str),
    /// An end.
    Close(&'a str),
    /// What stands between tags, as it stands.
    Text(&'a str),
}

/// The pieces of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    pub(super) fn new(page: &'a str) -> Tokens<'a> {
        Tokens(page)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.0;
            if rest.is_empty() {
                return None;
            }
            if !rest.starts_with('<') {
                let end = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
                let (text, rest) = rest.split_at(end);
                self.0 = rest;
                return Some(Token::Text(text));
            }
            if let Some(comment) = rest.strip_prefix("<!--") {
                self.0 = after(comment, "-->");
                continue;
            }
            let inside = &rest[1..];
            let closes = inside.starts_with('/');
            let named = inside.trim_start_matches('/');
            let end = named.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(named.len());
            let (name, tail) = named.split_at(end);
            if name.is_empty() && !inside.starts_with(['!', '?', '/']) {
                // A lone `<` is a text.
                self.0 = inside;
                return Some(Token::Text("<"));
            }
            let (attributes, rest) = tail.split_at(end_of_tag(tail));
            self.0 = rest.strip_prefix('>').unwrap_or(rest);
            let name = known(name);
            if closes {
                return Some(Token::Close(name));
            }
            if name == "script" || name == "style" {
                self.0 = after(self.0, if name == "script" { "</script" } else { "</style" });
            }
            if !name.is_empty() {
                return Some(Token::Open(name, attributes));
            }
        }
    }
}

/// The value of an attribute, its entities resolved.
pub(super) fn attribute(attributes: &str, wanted: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/'));
        let (name, tail) = rest.split_at(end.unwrap_or(rest.len()));
        let mut tail = tail.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let mut value = "";
        if let Some(given) = tail.strip_prefix('=') {
            let given = given.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let quote = given.chars().next().filter(|c| matches!(c, '"' | '\''));
            (value, tail) = match quote {
                Some(quote) => given[1..].split_once(quote).unwrap_or((&given[1..], "")),
                None => {
                    let end = given.find(|c: char| c.is_ascii_whitespace());
                    given.split_at(end.unwrap_or(given.len()))
                }
            };
        } else if name.is_empty() {
            return None;
        }
        if name.eq_ignore_ascii_case(wanted) {
            return Some(unescaped(value));
        }
        rest = tail;
    }
}

/// A text with its entities resolved; those that nobody knows stay as they are.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let name = behind.split_once(';').filter(|(name, _)| name.len() <= ENTITY_BYTES_MAX);
        match name.and_then(|(name, tail)| Some((entity(name)?, tail))) {
            Some((letter, tail)) => {
                out.push(letter);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = behind;
            }
        }
    }
    out + rest
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

/// Where a tag ends: at the first `>` outside of quotes.
fn end_of_tag(tail: &str) -> usize {
    let bytes = tail.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b'>', b'"', b'\'', &bytes[at..]) {
        let mark = bytes[at + found];
        at += found;
        if mark == b'>' {
            return at;
        }
        match memchr::memchr(mark, &bytes[at + 1..]) {
            Some(end) => at += 1 + end + 1,
            // A quote that never ends ends with its tag.
            None => match memchr::memchr(b'>', &bytes[at..]) {
                Some(end) => return at + end,
                None => return bytes.len(),
            },
        }
    }
    bytes.len()
}

/// What stands behind a mark.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    match memchr::memmem::find(text.as_bytes(), mark.as_bytes()) {
        Some(at) => &text[at + mark.len()..],
        None => "",
    }
}

/// The names that matter, in lower case.
fn known(name: &str) -> &str {
    let names = ["a", "tr", "td", "time", "title", "h1", "h2", "script", "style"];
    names.into_iter().find(|known| name.eq_ignore_ascii_case(known)).unwrap_or(name)
}

const ENTITY_BYTES_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::{Token, Tokens, attribute};

    #[test]
    fn pieces_are_what_they_look_like() {
        let page = "<!-- <a href=x> --><A HREF=\"a&amp;b>c\" x>n</a> 1 < 2<script>'<a>'</script>";
        let tokens: Vec<_> = Tokens::new(page).collect();
        let attributes = " HREF=\"a&amp;b>c\" x";
        let first = [Token::Open("a", attributes), Token::Text("n"), Token::Close("a")];
        assert_eq!(tokens[..3], first);
        assert_eq!(attribute(attributes, "href").as_deref(), Some("a&b>c"));
        assert_eq!(attribute(attributes, "x").as_deref(), Some(""));
        assert_eq!(attribute(" a=1 b='2' c", "b").as_deref(), Some("2"));
        assert_eq!(attribute(" a=1 =", "b"), None);
        assert!(tokens.contains(&Token::Text("<")) && tokens.contains(&Token::Text(" 2")));
        assert_eq!(tokens.iter().filter(|token| matches!(token, Token::Open("a", _))).count(), 1);
        for cut in ["<", "<a", "<a href='", "<!--", "<script>", "</", "<>", "a<b"] {
            assert!(Tokens::new(cut).count() < 4, "{cut}");
        }
    }
}
