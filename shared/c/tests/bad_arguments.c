/* Bad arguments to every function of matchstick.h: each is answered with its status, and nothing is read or written past what was given. Blobs end where
 * memory ends: behind each lies a page that can't be read.
 *
 * Arguments: the examples' model, a small one that learns from ratings, a small one that does not learn, one that is too wide, and one that learns from
 * what was touched. */

#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "matchstick.h"

static unsigned checks, failures;

static void expect(matchstick_status_t expected, matchstick_status_t found, const char *call, int line) {
    ++checks;
    if (found != expected) {
        ++failures;
        printf("line %d: %s\n    answers \"%s\", expected \"%s\"\n", line, call, matchstick_message(found),
               matchstick_message(expected));
    }
}

#define EXPECT(status, call) expect(status, call, #call, __LINE__)
#define HOLDS(condition) expect(MATCHSTICK_OK, (condition) ? MATCHSTICK_OK : -1, #condition, __LINE__)

/* A pointer that is not null and not aligned. */
#define ODD(pointer) ((void *)((char *)(pointer) + 1))

typedef struct {
    uint8_t *bytes;
    size_t length;
} blob_t;

/* Memory of which the last byte is the last that can be touched. */
static uint8_t *before_the_end(size_t length) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = (length + page - 1) / page * page;
    uint8_t *memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + room, page, PROT_NONE) != 0) {
        perror("no memory");
        exit(2);
    }
    return memory + room - length;
}

/* A blob as far from the end as its alignment demands: not at all if its length is a multiple of 16. */
static blob_t read_blob(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    const size_t length = (size_t)ftell(file);
    blob_t blob = {before_the_end((length + 15) / 16 * 16), length};
    rewind(file);
    if (fread(blob.bytes, 1, length, file) != length) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return blob;
}

/* Storage is static, and model by model anew. */
static matchstick_model_t model, small, unloaded;
static matchstick_user_t user, small_user, unmade;
static matchstick_scorer_t scorer, unprepared;
static matchstick_top_t top, uncleared;

static int leave_out_all(uint32_t item, void *context) {
    ++*(unsigned *)context;
    return item != 0;
}

static void loading(blob_t blob, blob_t wide) {
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_model_load(NULL, blob.bytes, blob.length));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_model_load(&model, NULL, blob.length));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_model_load(&model, NULL, 0));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_model_load(ODD(&model), blob.bytes, blob.length));
    EXPECT(MATCHSTICK_BAD_LENGTH, matchstick_model_load(&model, blob.bytes, SIZE_MAX));
    EXPECT(MATCHSTICK_BAD_LENGTH, matchstick_model_load(&model, blob.bytes, SIZE_MAX / 2 + 1));
    EXPECT(MATCHSTICK_BLOB_MISALIGNED, matchstick_model_load(&model, blob.bytes + 4, blob.length - 4));
    EXPECT(MATCHSTICK_BLOB_MISALIGNED, matchstick_model_load(&model, blob.bytes + 1, blob.length - 1));
    EXPECT(MATCHSTICK_BLOB_TOO_SHORT, matchstick_model_load(&model, blob.bytes, 0));
    EXPECT(MATCHSTICK_BLOB_NOT_A_BLOB, matchstick_model_load(&model, blob.bytes + 16, blob.length - 16));
    EXPECT(MATCHSTICK_TOO_WIDE, matchstick_model_load(&model, wide.bytes, wide.length));

    /* Every shorter length, each at the end of memory. */
    uint8_t *end = before_the_end(blob.length) + blob.length;
    for (size_t length = 0; length < blob.length; length += length < 1024 ? 1 : 16 * 97) {
        uint8_t *copy = end - (length + 15) / 16 * 16;
        copy = (uint8_t *)((uintptr_t)copy & ~(uintptr_t)15);
        memcpy(copy, blob.bytes, length);
        const matchstick_status_t status = matchstick_model_load(&model, copy, length);
        HOLDS(status == MATCHSTICK_BLOB_TOO_SHORT || status == MATCHSTICK_BLOB_WRONG_LENGTH);
    }
    /* Every byte of the head changed, and some behind it. */
    for (size_t byte = 0; byte < blob.length; byte += byte < 512 ? 1 : 997) {
        blob.bytes[byte] ^= 0x40;
        HOLDS(matchstick_model_load(&model, blob.bytes, blob.length) != MATCHSTICK_OK);
        blob.bytes[byte] ^= 0x40;
    }
    /* A failed load leaves nothing behind, even of what was there before. */
    matchstick_info_t info;
    EXPECT(MATCHSTICK_OK, matchstick_model_load(&model, blob.bytes, blob.length));
    EXPECT(MATCHSTICK_OK, matchstick_model_info(&model, &info));
    EXPECT(MATCHSTICK_BLOB_TOO_SHORT, matchstick_model_load(&model, blob.bytes, 3));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_model_info(&model, &info));
    EXPECT(MATCHSTICK_OK, matchstick_model_load(&model, blob.bytes, blob.length));
}

static void telling(blob_t blob) {
    matchstick_info_t info;
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_model_info(NULL, &info));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_model_info(&model, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_model_info(ODD(&model), &info));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_model_info(&model, ODD(&info)));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_model_info(&unloaded, &info));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_model_info((const matchstick_model_t *)(const void *)&scorer, &info));
    EXPECT(MATCHSTICK_OK, matchstick_model_info(&model, &info));
    HOLDS(info.revision == 1 && info.user_rows == 9 && info.item_rows == 2001 && info.vector_width == 12);
    HOLDS(info.lowest_rating_q16 == 0 && info.highest_rating_q16 == 11 << 15 && info.learns == 1);
    HOLDS(info.blob_bytes == blob.length);
    HOLDS(info.name.length == 8 && memcmp(info.name.bytes, "invented", 8) == 0);

    int32_t rating;
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_model_rating(NULL, 0, &rating));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_model_rating(&model, 0, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_model_rating(&model, 0, ODD(&rating)));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_model_rating(&unloaded, 0, &rating));
    EXPECT(MATCHSTICK_OK, matchstick_model_rating(&model, INT32_MAX, &rating));
    HOLDS(rating <= info.highest_rating_q16);
    EXPECT(MATCHSTICK_OK, matchstick_model_rating(&model, INT32_MIN, &rating));
    HOLDS(rating >= info.lowest_rating_q16);

    matchstick_text_t text;
    uint32_t item = 77;
    EXPECT(MATCHSTICK_NOT_FOUND, matchstick_item_title(&model, 1, &text)); /* this one has none */
    EXPECT(MATCHSTICK_NOT_FOUND, matchstick_item_id(&model, 1, &text));
    EXPECT(MATCHSTICK_NOT_FOUND, matchstick_item_by_id(&model, "7", 1, &item));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_item_title(NULL, 1, &text));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_item_title(&small, 1, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_item_id(&small, 1, ODD(&text)));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_item_id(&unloaded, 1, &text));
    EXPECT(MATCHSTICK_NOT_FOUND, matchstick_item_title(&small, 4, &text));
    EXPECT(MATCHSTICK_NOT_FOUND, matchstick_item_id(&small, UINT32_MAX, &text));
    EXPECT(MATCHSTICK_OK, matchstick_item_title(&small, 1, &text));
    HOLDS(text.length == 3 && memcmp(text.bytes, "Tea", 3) == 0);
    EXPECT(MATCHSTICK_OK, matchstick_item_id(&small, 3, &text));
    HOLDS(text.length == 1 && *text.bytes == '9');
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_item_by_id(NULL, "8", 1, &item));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_item_by_id(&small, NULL, 1, &item));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_item_by_id(&small, "8", 1, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_item_by_id(&small, "8", 1, ODD(&item)));
    EXPECT(MATCHSTICK_BAD_LENGTH, matchstick_item_by_id(&small, "8", SIZE_MAX, &item));
    EXPECT(MATCHSTICK_NOT_FOUND, matchstick_item_by_id(&small, "", 0, &item));
    EXPECT(MATCHSTICK_NOT_FOUND, matchstick_item_by_id(&small, "\xff\xfe", 2, &item));
    HOLDS(item == 77);
    EXPECT(MATCHSTICK_OK, matchstick_item_by_id(&small, "8", 1, &item));
    HOLDS(item == 2);
}

static void users(const matchstick_model_t *unlearning) {
    const int16_t values[12] = {INT16_MIN, INT16_MAX, 1, -1};
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_user_stored(NULL, 1, &user));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_user_stored(&model, 1, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_user_stored(&model, 1, ODD(&user)));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_user_stored(&unloaded, 1, &user));
    EXPECT(MATCHSTICK_OK, matchstick_user_stored(&model, UINT32_MAX, &user)); /* the unknown user */
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_user_from_values(NULL, values, 12, &user));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_user_from_values(&model, NULL, 12, &user));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_user_from_values(&model, values, 12, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_user_from_values(&model, ODD(values), 12, &user));
    EXPECT(MATCHSTICK_BAD_LENGTH, matchstick_user_from_values(&model, values, SIZE_MAX, &user));
    EXPECT(MATCHSTICK_BAD_LENGTH, matchstick_user_from_values(&model, values, SIZE_MAX / 2, &user));
    EXPECT(MATCHSTICK_WRONG_WIDTH, matchstick_user_from_values(&model, values, 11, &user));
    EXPECT(MATCHSTICK_WRONG_WIDTH, matchstick_user_from_values(&model, NULL, 0, &user));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_prepare(&model, &user, &scorer)); /* nothing was left in it */
    EXPECT(MATCHSTICK_OK, matchstick_user_from_values(&model, values, 12, &user));

    const matchstick_rating_t ratings[3] = {{1, 1024}, {UINT32_MAX, 512}, {2, INT16_MIN}};
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_user_from_ratings(NULL, ratings, 3, &user));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_user_from_ratings(&model, NULL, 3, &user));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_user_from_ratings(&model, ratings, 3, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_user_from_ratings(&model, ODD(ratings), 3, &user));
    EXPECT(MATCHSTICK_BAD_LENGTH, matchstick_user_from_ratings(&model, ratings, SIZE_MAX / sizeof *ratings, &user));
    EXPECT(MATCHSTICK_NO_LEARNING, matchstick_user_from_ratings(unlearning, ratings, 3, &user));
    EXPECT(MATCHSTICK_OK, matchstick_user_from_ratings(&model, NULL, 0, &user)); /* of whom nothing is known */
    matchstick_rating_t *many = calloc(65537, sizeof *many);
    for (size_t rating = 0; many != NULL && rating < 65537; ++rating) {
        many[rating].item = 1;
    }
    EXPECT(MATCHSTICK_OK, matchstick_user_from_ratings(&model, many, 65536, &user));
    EXPECT(MATCHSTICK_TOO_MANY_RATINGS, matchstick_user_from_ratings(&model, many, 65537, &user));
    free(many);
    EXPECT(MATCHSTICK_OK, matchstick_user_from_ratings(&model, ratings, 3, &user));
}

/* The same events in another order make the same owner. */
static void history(blob_t blob) {
    static matchstick_model_t touched;
    static const matchstick_rating_t events[2][3] = {
        {{1, 256}, {2, -256}, {3, 512}}, {{3, 512}, {1, 256}, {2, -256}}};
    matchstick_score_t scores[2];
    matchstick_info_t info;
    EXPECT(MATCHSTICK_OK, matchstick_model_load(&touched, blob.bytes, blob.length));
    EXPECT(MATCHSTICK_OK, matchstick_model_info(&touched, &info));
    HOLDS(info.learns == 2);
    for (size_t order = 0; order < 2; ++order) {
        EXPECT(MATCHSTICK_OK, matchstick_user_from_ratings(&touched, events[order], 3, &small_user));
        EXPECT(MATCHSTICK_OK, matchstick_prepare(&touched, &small_user, &scorer));
        EXPECT(MATCHSTICK_OK, matchstick_score(&scorer, 2, &scores[order]));
    }
    HOLDS(scores[0].logit == scores[1].logit);
    EXPECT(MATCHSTICK_OK, matchstick_user_from_ratings(&touched, events[0], 1, &small_user));
    EXPECT(MATCHSTICK_OK, matchstick_prepare(&touched, &small_user, &scorer));
    EXPECT(MATCHSTICK_OK, matchstick_score(&scorer, 2, &scores[1]));
    HOLDS(scores[0].logit != scores[1].logit);
}

static void ranking(void) {
    matchstick_score_t score, unknown;
    EXPECT(MATCHSTICK_OK, matchstick_user_stored(&small, 1, &small_user));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_prepare(NULL, &user, &scorer));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_prepare(&model, NULL, &scorer));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_prepare(&model, &user, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_prepare(&model, ODD(&user), &scorer));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_prepare(&model, &user, ODD(&scorer)));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_prepare(&unloaded, &user, &scorer));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_prepare(&model, &unmade, &scorer));
    EXPECT(MATCHSTICK_WRONG_USER, matchstick_prepare(&model, &small_user, &scorer));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_score(&scorer, 1, &score));
    EXPECT(MATCHSTICK_OK, matchstick_prepare(&model, &user, &scorer));

    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_score(NULL, 1, &score));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_score(&scorer, 1, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_score(&scorer, 1, ODD(&score)));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_score(&unprepared, 1, &score));
    static matchstick_scorer_t copy;
    copy = scorer;
    EXPECT(MATCHSTICK_NOT_READY, matchstick_score(&copy, 1, &score));
    EXPECT(MATCHSTICK_OK, matchstick_score(&scorer, 0, &unknown));
    EXPECT(MATCHSTICK_OK, matchstick_score(&scorer, UINT32_MAX, &score));
    HOLDS(score.logit == unknown.logit && score.rating_q16 == unknown.rating_q16);

    unsigned asked = 0;
    matchstick_ranked_t *best = (matchstick_ranked_t *)(void *)before_the_end(10 * sizeof *best);
    size_t count = 77;
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_top_clear(NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_top_clear(ODD(&top)));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_rank(&scorer, 0, UINT32_MAX, &uncleared, NULL, NULL));
    EXPECT(MATCHSTICK_OK, matchstick_top_clear(&top));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_rank(NULL, 0, UINT32_MAX, &top, NULL, NULL));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_rank(&scorer, 0, UINT32_MAX, NULL, NULL, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_rank(ODD(&scorer), 0, UINT32_MAX, &top, NULL, NULL));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_rank(&unprepared, 0, UINT32_MAX, &top, NULL, NULL));
    EXPECT(MATCHSTICK_OK, matchstick_rank(&scorer, 0, UINT32_MAX, &top, leave_out_all, &asked));
    EXPECT(MATCHSTICK_OK, matchstick_top_items(&top, best, 10, &count));
    HOLDS(count == 0 && asked == 2000);

    /* In slices from the end, and in one piece. */
    matchstick_ranked_t sliced[MATCHSTICK_TOP];
    for (uint32_t end = 3000; end > 0; end -= 100) {
        EXPECT(MATCHSTICK_OK, matchstick_rank(&scorer, end - 100, end, &top, NULL, NULL));
    }
    EXPECT(MATCHSTICK_OK, matchstick_rank(&scorer, 9, 3, &top, NULL, NULL)); /* none */
    EXPECT(MATCHSTICK_OK, matchstick_top_items(&top, sliced, MATCHSTICK_TOP, &count));
    HOLDS(count == MATCHSTICK_TOP);
    EXPECT(MATCHSTICK_OK, matchstick_top_clear(&top));
    EXPECT(MATCHSTICK_OK, matchstick_rank(&scorer, 0, UINT32_MAX, &top, NULL, NULL));
    EXPECT(MATCHSTICK_OK, matchstick_top_items(&top, best, 10, &count));
    HOLDS(count == 10 && memcmp(best, sliced, 10 * sizeof *best) == 0);
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_top_items(NULL, best, 10, &count));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_top_items(&top, NULL, 10, &count));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_top_items(&top, best, 10, NULL));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_top_items(&top, ODD(best), 10, &count));
    EXPECT(MATCHSTICK_BAD_LENGTH, matchstick_top_items(&top, best, SIZE_MAX / 4, &count));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_top_items(&uncleared, best, 10, &count));
    EXPECT(MATCHSTICK_OK, matchstick_top_items(&top, NULL, 0, &count));
    HOLDS(count == 0);

    /* The best one is seen; the set ends where memory ends. */
    const size_t words = best[0].item / 32 + 1;
    uint32_t *seen = (uint32_t *)(void *)before_the_end(words * sizeof *seen);
    memset(seen, 0, words * sizeof *seen);
    seen[best[0].item / 32] |= UINT32_C(1) << best[0].item % 32;
    EXPECT(MATCHSTICK_OK, matchstick_top_clear(&top));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_rank_unseen(&scorer, 0, UINT32_MAX, &top, NULL, 1));
    EXPECT(MATCHSTICK_MISALIGNED, matchstick_rank_unseen(&scorer, 0, UINT32_MAX, &top, ODD(seen), 1));
    EXPECT(MATCHSTICK_BAD_LENGTH, matchstick_rank_unseen(&scorer, 0, UINT32_MAX, &top, seen, SIZE_MAX / 4));
    EXPECT(MATCHSTICK_NULL_POINTER, matchstick_rank_unseen(NULL, 0, UINT32_MAX, &top, seen, words));
    EXPECT(MATCHSTICK_NOT_READY, matchstick_rank_unseen(&scorer, 0, UINT32_MAX, &uncleared, seen, words));
    EXPECT(MATCHSTICK_OK, matchstick_rank_unseen(&scorer, 0, UINT32_MAX, &top, seen, words));
    EXPECT(MATCHSTICK_OK, matchstick_top_items(&top, sliced, 9, &count));
    HOLDS(count == 9 && memcmp(best + 1, sliced, 9 * sizeof *best) == 0);
    /* What is past its end is not in it: of items 1 to 63 those from 32 on are left. */
    uint32_t *all = (uint32_t *)(void *)before_the_end(sizeof *all);
    *all = UINT32_MAX;
    EXPECT(MATCHSTICK_OK, matchstick_top_clear(&top));
    EXPECT(MATCHSTICK_OK, matchstick_rank_unseen(&scorer, 0, 64, &top, all, 1));
    EXPECT(MATCHSTICK_OK, matchstick_top_items(&top, sliced, MATCHSTICK_TOP, &count));
    HOLDS(count == 32);
    for (size_t position = 0; position < count; ++position) {
        HOLDS(sliced[position].item >= 32 && sliced[position].item < 64);
    }
}

int main(int count, char **paths) {
    static matchstick_model_t unlearning;
    if (count != 6) {
        fputs("usage: bad_arguments MODEL LEARNING UNLEARNING WIDE TOUCHED\n", stderr);
        return 2;
    }
    const blob_t blob = read_blob(paths[1]), learning = read_blob(paths[2]), other = read_blob(paths[3]);
    loading(blob, read_blob(paths[4]));
    EXPECT(MATCHSTICK_OK, matchstick_model_load(&small, learning.bytes, learning.length));
    EXPECT(MATCHSTICK_OK, matchstick_model_load(&unlearning, other.bytes, other.length));
    telling(blob);
    users(&unlearning);
    ranking();
    history(read_blob(paths[5]));
    HOLDS(strcmp(matchstick_message(12345), matchstick_message(INT32_MIN)) == 0);
    HOLDS(strcmp(matchstick_message(MATCHSTICK_OK), matchstick_message(MATCHSTICK_NULL_POINTER)) != 0);
    printf("%u checks, %u failed\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
