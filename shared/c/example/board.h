/* What the example needs of a board. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

/* Where the model lies, and how many bytes there are. */
const uint8_t *board_model(size_t *bytes);

/* Prints text that ends with a zero. */
void board_print(const char *text);

/* The most stack that was in use so far; 0 where that is not known. */
uint32_t board_stack_bytes(void);

#endif
