//! Work on all cores, with a result that does not depend on how many there are.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::thread;

thread_local! {
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Calls `f`, in which [`map`] uses no more than `threads` threads.
pub fn at_most<R>(threads: NonZeroUsize, f: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            LIMIT.set(self.0);
        }
    }
    let _restore = Restore(LIMIT.replace(threads.get()));
    f()
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(LIMIT.get())
}

/// Applies `f` to every element and returns the results in the order of the elements.
pub fn map<T: Sync, R: Send>(elements: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = threads();
    let share = elements.len().div_ceil(threads);
    if threads == 1 || share <= 1 {
        return elements.iter().map(f).collect();
    }
    let f = &f;
    thread::scope(|scope| {
        let workers: Vec<_> =
            elements.chunks(share).map(|part| scope.spawn(move || part.iter().map(f).collect::<Vec<R>>())).collect();
        let mut results = Vec::with_capacity(elements.len());
        for worker in workers {
            match worker.join() {
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

/// Cuts `0..length` into ranges of at most `share` numbers.
pub fn ranges(length: usize, share: usize) -> Vec<std::ops::Range<usize>> {
    (0..length).step_by(share.max(1)).map(|start| start..length.min(start + share.max(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::{map, ranges};

    #[test]
    fn results_keep_the_order_of_the_elements() {
        for n in [0, 1, 2, 3, 7, 1000] {
            let numbers: Vec<usize> = (0..n).collect();
            assert_eq!(map(&numbers, |x| x * x), numbers.iter().map(|x| x * x).collect::<Vec<_>>());
        }
    }

    #[test]
    fn ranges_cover_everything_once() {
        assert_eq!(ranges(7, 3), [0..3, 3..6, 6..7]);
        assert_eq!(ranges(6, 3), [0..3, 3..6]);
        assert!(ranges(0, 3).is_empty());
    }
}
