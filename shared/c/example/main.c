/* The engine in C: the top-10 of a stored user, then that of the device's owner, who has rated five items. */

#include "board.h"
#include "matchstick.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SEEN_WORDS 63 /* a bit for each of 2,001 rows */

/* Of items, between which a main loop would look after its other duties. */
#define SLICE 128

/* All memory is the caller's. */
static matchstick_model_t model;
static matchstick_user_t user;
static matchstick_scorer_t scorer;
static matchstick_top_t top;
static uint32_t seen[SEEN_WORDS];

/* What the owner said: item and stars, in 1/256. */
static const matchstick_rating_t ratings[] = {
    {12, 5 * 256}, {345, 256}, {678, 4 * 256 + 128}, {1024, 2 * 256}, {1500, 4 * 256},
};

static void print_number(int64_t number, const char *end) {
    char digits[24];
    size_t first = sizeof digits - 1;
    const int is_negative = number < 0;
    digits[first] = 0;
    if (is_negative) {
        number = -number;
    }
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    if (is_negative) {
        digits[--first] = '-';
    }
    board_print(digits + first);
    board_print(end);
}

/* Says what went wrong, if something did. */
static int failed(matchstick_status_t status) {
    if (status == MATCHSTICK_OK) {
        return 0;
    }
    board_print("error: ");
    board_print(matchstick_message(status));
    board_print("\n");
    return 1;
}

/* Item, logit, and rating in 1/65,536 of a star. */
static int print_top(void) {
    matchstick_ranked_t best[10];
    size_t count;
    if (failed(matchstick_top_items(&top, best, COUNT(best), &count))) {
        return 1;
    }
    for (size_t position = 0; position < count; ++position) {
        int32_t rating_q16;
        if (failed(matchstick_model_rating(&model, best[position].logit, &rating_q16))) {
            return 1;
        }
        print_number(best[position].item, " ");
        print_number(best[position].logit, " ");
        print_number(rating_q16, "\n");
    }
    return 0;
}

/* Ranks what was not seen, in slices. */
static int rank(uint32_t item_rows) {
    if (failed(matchstick_prepare(&model, &user, &scorer)) || failed(matchstick_top_clear(&top))) {
        return 1;
    }
    for (uint32_t next = 0; next < item_rows; next += SLICE) {
        if (failed(matchstick_rank_unseen(&scorer, next, next + SLICE, &top, seen, SEEN_WORDS))) {
            return 1;
        }
    }
    return 0;
}

int main(void) {
    size_t bytes;
    const uint8_t *region = board_model(&bytes);
    matchstick_info_t info;
    matchstick_score_t score;

    /* Every byte of the blob is checked here, once. */
    if (failed(matchstick_model_load(&model, region, bytes)) || failed(matchstick_model_info(&model, &info))) {
        return 1;
    }
    board_print("revision ");
    print_number(info.revision, ": ");
    print_number(info.item_rows - 1, " items\n");

    if (failed(matchstick_user_stored(&model, 1, &user)) || failed(matchstick_prepare(&model, &user, &scorer)) ||
        failed(matchstick_score(&scorer, 5, &score))) {
        return 1;
    }
    board_print("user 1, item 5: ");
    print_number(score.logit, " ");
    print_number(score.rating_q16, "\n");
    board_print("top of user 1\n");
    if (rank(info.item_rows) || print_top()) {
        return 1;
    }

    /* The owner: their vector follows from their ratings, and what they rated is not shown to them again. */
    if (failed(matchstick_user_from_ratings(&model, ratings, COUNT(ratings), &user))) {
        return 1;
    }
    for (size_t position = 0; position < COUNT(ratings); ++position) {
        const uint32_t item = ratings[position].item;
        board_print("rated ");
        print_number(item, " ");
        print_number(ratings[position].value_q8, "\n");
        seen[item / 32] |= UINT32_C(1) << item % 32;
    }
    board_print("top of the owner\n");
    if (rank(info.item_rows) || print_top()) {
        return 1;
    }
    board_print("stack_bytes ");
    print_number(board_stack_bytes(), "\n");
    return 0;
}
