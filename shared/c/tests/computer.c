/* A computer as the example's board: the model comes from the file that the variable MODEL names, and text goes to standard output. */

#include <stdio.h>
#include <stdlib.h>

#include "board.h"

const uint8_t *board_model(size_t *bytes) {
    static _Alignas(16) uint8_t model[1 << 20];
    const char *path = getenv("MODEL");
    FILE *file = path == NULL ? NULL : fopen(path, "rb");
    if (file == NULL) {
        fputs("error: the variable MODEL names no file that can be read\n", stderr);
        exit(2);
    }
    *bytes = fread(model, 1, sizeof model, file);
    fclose(file);
    return model;
}

void board_print(const char *text) {
    fputs(text, stdout);
}

uint32_t board_stack_bytes(void) {
    return 0;
}
