//! Texts that many objects share, each with a small number and a value of its own.

use std::collections::HashMap;
use std::sync::Arc;

/// The number of an interned text; valid until its last use is released.
pub(super) type TextId = u32;

/// Counts the uses of texts and keeps a `T` beside each one; a text without uses is forgotten, so
/// that uuids among labels do not pile up.
#[derive(Clone, Debug)]
pub(super) struct Interner<T> {
    ids: HashMap<Arc<str>, TextId>,
    entries: Vec<Entry<T>>,
    free: Vec<TextId>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    text: Arc<str>,
    uses: u32,
    value: T,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { ids: HashMap::new(), entries: Vec::new(), free: Vec::new() }
    }
}

impl<T: Default> Interner<T> {
    /// Adds one use of the text.
    pub(super) fn acquire(&mut self, text: &str) -> TextId {
        if let Some(id) = self.ids.get(text) {
            if let Some(entry) = self.entries.get_mut(*id as usize) {
                entry.uses += 1;
            }
            return *id;
        }
        let text: Arc<str> = Arc::from(text);
        let entry = Entry { text: Arc::clone(&text), uses: 1, value: T::default() };
        let reused = self.free.pop().and_then(|id| Some((id, self.entries.get_mut(id as usize)?)));
        let id = match reused {
            Some((id, slot)) => {
                *slot = entry;
                id
            }
            None => {
                self.entries.push(entry);
                TextId::try_from(self.entries.len() - 1).unwrap_or(TextId::MAX)
            }
        };
        self.ids.insert(text, id);
        id
    }

    /// Takes one use back.
    pub(super) fn release(&mut self, id: TextId) {
        let Some(entry) = self.entries.get_mut(id as usize) else { return };
        entry.uses = entry.uses.saturating_sub(1);
        if entry.uses == 0 {
            entry.value = T::default();
            self.ids.remove(&entry.text);
            self.free.push(id);
        }
    }

    /// The number and value of a text that has uses.
    pub(super) fn find(&self, text: &str) -> Option<(TextId, &T)> {
        let id = *self.ids.get(text)?;
        Some((id, &self.entries.get(id as usize)?.value))
    }

    /// The value of an interned text.
    pub(super) fn value_mut(&mut self, id: TextId) -> Option<&mut T> {
        Some(&mut self.entries.get_mut(id as usize)?.value)
    }

    /// How many texts have uses.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_uses_is_forgotten() {
        let mut texts: Interner<u8> = Interner::default();
        let a = texts.acquire("a");
        assert_eq!(texts.acquire("a"), a);
        *texts.value_mut(a).expect("a is used") = 7;
        texts.release(a);
        assert_eq!(texts.find("a"), Some((a, &7)));
        texts.release(a);
        assert_eq!(texts.find("a"), None);
        let b = texts.acquire("b");
        assert_eq!((b, texts.find("b")), (a, Some((a, &0))), "the number is used again, empty");
        assert_eq!(texts.len(), 1);
    }
}
