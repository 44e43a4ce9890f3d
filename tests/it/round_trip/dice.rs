//! Choices that follow from a seed.

use serde_json::{Map, Value};

pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end as u64).expect("small")
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Some of these fields, each with one of its values, which are written as JSON.
    pub fn fields(&mut self, of: &[(&str, &[&str])], percent: usize) -> Map<String, Value> {
        let mut fields = Map::new();
        for &(field, values) in of {
            if self.chance(percent) {
                let text: &&str = self.one(values);
                let value = serde_json::from_str(text).expect(field);
                fields.insert(field.to_owned(), value);
            }
        }
        fields
    }
}
