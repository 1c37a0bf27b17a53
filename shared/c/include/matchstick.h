/* Matchstick's engine for firmware in C: recommendations from a blob in flash, without a heap, floats in scoring, or an operating system.
 *
 * Made by cbindgen from shared/c/src; not to be edited. docs/embedding.md has a whole program, and says what all of it costs.
 *
 * All memory is the caller's, in storage that this header sizes; statically, or on a stack. Storage is filled by one function, which is named at its
 * type, and then stays where it is; it may be dropped at any time. No function allocates, blocks, or keeps static memory. Functions that only read
 * storage (pointers to const) may be called from anywhere at the same time; others need that nobody else uses what they write to.
 *
 * Every function checks its arguments and answers with a status: MATCHSTICK_OK is 0. What can't be checked stands under "The caller's part".
 */
#ifndef MATCHSTICK_H
#define MATCHSTICK_H

#include <stddef.h>
#include <stdint.h>

/**
 * The widest padded vector of a model that this library runs; `matchstick inspect` tells what a model needs. A scorer has 16 bytes for each. Whoever changes
 * it builds library and header anew.
 */
#define MATCHSTICK_CAPACITY 128

/**
 * The most items that a list keeps.
 */
#define MATCHSTICK_TOP 32

/**
 * Where a blob lies: at an address divisible by this.
 */
#define MATCHSTICK_BLOB_ALIGNMENT 16

/**
 * Words of a model's storage.
 */
#define MATCHSTICK_MODEL_WORDS 80

/**
 * Words of a user's storage.
 */
#define MATCHSTICK_USER_WORDS 68

/**
 * Words of a scorer's storage.
 */
#define MATCHSTICK_SCORER_WORDS 528

/**
 * Words of a list's storage.
 */
#define MATCHSTICK_TOP_WORDS 68

/**
 * What every function answers: 0 where all went well; otherwise nothing was written but what its documentation says.
 */
enum matchstick_status_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * All went well.
   */
  MATCHSTICK_OK = 0,
  /**
   * A pointer that may not be null is.
   */
  MATCHSTICK_NULL_POINTER = 1,
  /**
   * A pointer is not aligned as its type is.
   */
  MATCHSTICK_MISALIGNED = 2,
  /**
   * A length that no memory has.
   */
  MATCHSTICK_BAD_LENGTH = 3,
  /**
   * Storage that the function which fills it has not filled, or that was moved or copied since.
   */
  MATCHSTICK_NOT_READY = 4,
  /**
   * The model is wider than MATCHSTICK_CAPACITY.
   */
  MATCHSTICK_TOO_WIDE = 5,
  /**
   * The user was made for another model.
   */
  MATCHSTICK_WRONG_USER = 6,
  /**
   * Another number of values than the model's users have.
   */
  MATCHSTICK_WRONG_WIDTH = 7,
  /**
   * The model learns no owner, or this library was built without learning.
   */
  MATCHSTICK_NO_LEARNING = 8,
  /**
   * More ratings than an owner may have (65,536).
   */
  MATCHSTICK_TOO_MANY_RATINGS = 9,
  /**
   * There is no such row, id or title.
   */
  MATCHSTICK_NOT_FOUND = 10,
  /**
   * The blob's address is not divisible by MATCHSTICK_BLOB_ALIGNMENT.
   */
  MATCHSTICK_BLOB_MISALIGNED = 32,
  /**
   * Fewer bytes than a blob begins with.
   */
  MATCHSTICK_BLOB_TOO_SHORT = 33,
  /**
   * Not a Matchstick blob.
   */
  MATCHSTICK_BLOB_NOT_A_BLOB = 34,
  /**
   * Written in a format version that this engine does not read.
   */
  MATCHSTICK_BLOB_UNSUPPORTED_VERSION = 35,
  /**
   * The blob says that it is longer than the region.
   */
  MATCHSTICK_BLOB_WRONG_LENGTH = 36,
  /**
   * The checksum is wrong.
   */
  MATCHSTICK_BLOB_DAMAGED = 37,
  /**
   * The head can't be read.
   */
  MATCHSTICK_BLOB_BAD_HEAD = 38,
  /**
   * A width, row count, shift or limit is outside its bounds.
   */
  MATCHSTICK_BLOB_BAD_DIMENSIONS = 39,
  /**
   * A section is missing, misplaced or of the wrong length.
   */
  MATCHSTICK_BLOB_BAD_SECTIONS = 40,
  /**
   * Ids or titles are not valid strings.
   */
  MATCHSTICK_BLOB_BAD_STRINGS = 41,
  /**
   * Weights or stored users with which a sum could overflow.
   */
  MATCHSTICK_BLOB_OVERFLOW = 42,
  /**
   * A model of a kind that was left out of this library.
   */
  MATCHSTICK_BLOB_LEFT_OUT = 43,
  /**
   * Refused for a reason that this list does not know.
   */
  MATCHSTICK_BLOB_REFUSED = 44,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum matchstick_status_t matchstick_status_t;
#else
typedef int32_t matchstick_status_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A checked model: storage for matchstick_model_load. It must not be moved, copied or changed while it is used.
 */
typedef struct {
  /**
   * Not to be touched.
   */
  size_t storage[MATCHSTICK_MODEL_WORDS];
} matchstick_model_t;

/**
 * Text in a blob: UTF-8, and no zero at its end.
 */
typedef struct {
  /**
   * Points into the blob; null where there is no text.
   */
  const char *bytes;
  /**
   * How many.
   */
  size_t length;
} matchstick_text_t;

/**
 * What a model says of itself.
 */
typedef struct {
  /**
   * What it calls itself.
   */
  matchstick_text_t name;
  /**
   * Its maker's version of it.
   */
  uint32_t revision;
  /**
   * Rows of the user table; row 0 is the unknown user.
   */
  uint32_t user_rows;
  /**
   * Rows of the item table; row 0 is the unknown item, items are 1 to item_rows - 1.
   */
  uint32_t item_rows;
  /**
   * Values that matchstick_user_from_values takes.
   */
  uint32_t vector_width;
  /**
   * The lowest rating, 16 fraction bits. INT32_MIN for a model that scores and does not rate.
   */
  int32_t lowest_rating_q16;
  /**
   * The highest rating, 16 fraction bits. INT32_MAX for a model that scores and does not rate.
   */
  int32_t highest_rating_q16;
  /**
   * Bytes of the blob.
   */
  uint32_t blob_bytes;
  /**
   * What an owner is learned from: 0 nothing, 1 ratings, 2 what they touched.
   */
  uint32_t learns;
} matchstick_info_t;

/**
 * A user's vector: storage for the functions matchstick_user_*. It must not be moved or copied.
 */
typedef struct {
  /**
   * Not to be touched.
   */
  size_t storage[MATCHSTICK_USER_WORDS];
} matchstick_user_t;

/**
 * A user, prepared for scoring, and the memory that scoring needs: storage for matchstick_prepare. It must not be moved, copied or changed while it is
 * used.
 */
typedef struct {
  /**
   * Not to be touched.
   */
  size_t storage[MATCHSTICK_SCORER_WORDS];
} matchstick_scorer_t;

/**
 * What the model says of a user and an item.
 */
typedef struct {
  /**
   * What ranking compares.
   */
  int32_t logit;
  /**
   * What is shown: 16 fraction bits.
   */
  int32_t rating_q16;
} matchstick_score_t;

/**
 * The best items so far: storage for matchstick_top_clear. It must not be moved or copied.
 */
typedef struct {
  /**
   * Not to be touched.
   */
  size_t storage[MATCHSTICK_TOP_WORDS];
} matchstick_top_t;

/**
 * An item of a list.
 */
typedef struct {
  /**
   * The item's row.
   */
  uint32_t item;
  /**
   * What ranking compares; matchstick_model_rating makes a rating of it.
   */
  int32_t logit;
} matchstick_ranked_t;

/**
 * Says of an item whether it is left out (anything but 0). It is asked only about items that would enter the list, so it may be slow. It gets the
 * context that the ranking was given, and uses neither the scorer nor the list.
 */
typedef int (*matchstick_exclude_t)(uint32_t item, void *context);

/**
 * What an owner said or did.
 */
typedef struct {
  /**
   * The item's row.
   */
  uint32_t item;
  /**
   * A rating in 1/256 of its unit (four stars: 1024); for models that learn from what was touched, a weight, 256 for once. INT16_MIN counts for
   * nothing: a rating that was taken back.
   */
  int16_t value_q8;
} matchstick_rating_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Checks the blob with which a region begins, every byte of it, and fills `model`. The region starts at an address divisible by
 * MATCHSTICK_BLOB_ALIGNMENT; what lies behind the blob is not looked at. `model` keeps pointing into the region, which stays as it is while the model is
 * used. After an error `model` holds nothing.
 *
 * The caller's part:
 * `region` points to `region_bytes` readable bytes that stay there and unchanged while the model is used; `model` points to storage that nobody else uses.
 */
matchstick_status_t matchstick_model_load(matchstick_model_t *model,
                                          const uint8_t *region,
                                          size_t region_bytes);

/**
 * Fills `info`.
 *
 * The caller's part:
 * `model` points to storage for a model, `info` to a place for an info.
 */
matchstick_status_t matchstick_model_info(const matchstick_model_t *model, matchstick_info_t *info);

/**
 * What is shown for a logit of this model: a rating with 16 fraction bits.
 *
 * The caller's part:
 * `model` points to storage for a model, `rating_q16` to a place for a number.
 */
matchstick_status_t matchstick_model_rating(const matchstick_model_t *model, int32_t logit, int32_t *rating_q16);

/**
 * Points `title` to an item's title in the blob.
 *
 * The caller's part:
 * `model` points to storage for a model, `title` to a place for a text.
 */
matchstick_status_t matchstick_item_title(const matchstick_model_t *model, uint32_t item, matchstick_text_t *title);

/**
 * Points `id` to an item's external id in the blob.
 *
 * The caller's part:
 * `model` points to storage for a model, `id` to a place for a text.
 */
matchstick_status_t matchstick_item_id(const matchstick_model_t *model, uint32_t item, matchstick_text_t *id);

/**
 * The row of the item that has this external id; `id` needs no zero at its end.
 *
 * The caller's part:
 * `model` points to storage for a model, `id` to `id_bytes` readable bytes, `item` to a place for a number.
 */
matchstick_status_t matchstick_item_by_id(const matchstick_model_t *model,
                                          const char *id,
                                          size_t id_bytes,
                                          uint32_t *item);

/**
 * Computes all that depends on the user alone, and fills `scorer`, which keeps pointing to the model and no longer needs the user. After an error
 * `scorer` holds nothing.
 *
 * The caller's part:
 * `model` points to storage for a model that stays where it is while the scorer is used, `user` to storage for a user, `scorer` to storage that nobody
 * else uses.
 */
matchstick_status_t matchstick_prepare(const matchstick_model_t *model,
                                       const matchstick_user_t *user,
                                       matchstick_scorer_t *scorer);

/**
 * Fills `score` with the logit and the rating of an item; an unknown item is row 0.
 *
 * The caller's part:
 * `scorer` points to storage for a scorer that nobody else uses, `score` to a place for a score.
 */
matchstick_status_t matchstick_score(matchstick_scorer_t *scorer, uint32_t item, matchstick_score_t *score);

/**
 * Makes a list without items.
 *
 * The caller's part:
 * `top` points to storage that nobody else uses.
 */
matchstick_status_t matchstick_top_clear(matchstick_top_t *top);

/**
 * Copies the best items of a list, best first, at most `capacity` of them, and says in `count` how many those were. A higher logit comes first, and
 * among equal ones the lower row.
 *
 * The caller's part:
 * `top` points to storage for a list, `items` to places for `capacity` items, `count` to a place for a number.
 */
matchstick_status_t matchstick_top_items(const matchstick_top_t *top,
                                         matchstick_ranked_t *items,
                                         size_t capacity,
                                         size_t *count);

/**
 * Ranks the items `first` to `end - 1` into a list that may hold the result of others: a long ranking can be done in slices between other work, in any
 * order, with the same result. Rows that are no items are left out, so 0 and UINT32_MAX rank all. `exclude` may be null.
 *
 * The caller's part:
 * `scorer` and `top` point to storage that nobody else uses during the call; `exclude`, if given, can be called with `context`, and returns.
 */
matchstick_status_t matchstick_rank(matchstick_scorer_t *scorer,
                                    uint32_t first,
                                    uint32_t end,
                                    matchstick_top_t *top,
                                    matchstick_exclude_t exclude,
                                    void *context);

/**
 * The same, where what is left out is a set of bits: bit item % 32 of word item / 32. Items past its end are not in it.
 *
 * The caller's part:
 * `scorer` and `top` point to storage that nobody else uses during the call, `seen` to `seen_words` words.
 */
matchstick_status_t matchstick_rank_unseen(matchstick_scorer_t *scorer,
                                           uint32_t first,
                                           uint32_t end,
                                           matchstick_top_t *top,
                                           const uint32_t *seen,
                                           size_t seen_words);

/**
 * What a status means, in a few words, for a terminal or a log; also for a number that is no status. The text is constant and ends with a zero.
 */
const char *matchstick_message(int32_t status);

/**
 * Fills `user` with a user of the blob; a row that it does not hold is row 0, the unknown user.
 *
 * The caller's part:
 * `model` points to storage for a model, `user` to storage for a user that nobody else uses.
 */
matchstick_status_t matchstick_user_stored(const matchstick_model_t *model, uint32_t row, matchstick_user_t *user);

/**
 * Fills `user` with a vector from anywhere: `count` is the model's vector_width; values beyond the model's limits are clamped.
 *
 * The caller's part:
 * `model` points to storage for a model, `values` to `count` values, `user` to storage for a user that nobody else uses.
 */
matchstick_status_t matchstick_user_from_values(const matchstick_model_t *model,
                                                const int16_t *values,
                                                size_t count,
                                                matchstick_user_t *user);

/**
 * Fills `user` with the owner of the device, who gave these ratings, in any order; unknown items count for nothing. The same ratings give the same bits
 * on every board. With no ratings, it is what is expected of somebody of whom nothing is known.
 *
 * The caller's part:
 * `model` points to storage for a model, `ratings` to `count` ratings, `user` to storage for a user that nobody else uses.
 */
matchstick_status_t matchstick_user_from_ratings(const matchstick_model_t *model,
                                                 const matchstick_rating_t *ratings,
                                                 size_t count,
                                                 matchstick_user_t *user);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MATCHSTICK_H */
