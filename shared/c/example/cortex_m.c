/* A Cortex-M without a library: vectors, start-up, and semihosting in place of a UART. Yours comes from the chip's maker. */

#include "board.h"

extern uint32_t _data_start[], _data_end[], _data_load[], _bss_start[], _bss_end[], _stack_low[], _stack_high[];
extern const uint8_t _model_start[], _model_end[];

int main(void);
void board_reset(void);

#define PAINT UINT32_C(0xC5C5C5C5)
#define SYS_WRITE0 0x04
#define SYS_EXIT_EXTENDED 0x20
#define APPLICATION_EXIT UINT32_C(0x20026)

static void semihosting(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void leave(uint32_t code) {
    const uint32_t block[2] = {APPLICATION_EXIT, code};
    semihosting(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}

static void fault(void) {
    board_print("error: a fault\n");
    leave(101);
}

const uint8_t *board_model(size_t *bytes) {
    *bytes = (size_t)(_model_end - _model_start);
    return _model_start;
}

void board_print(const char *text) {
    semihosting(SYS_WRITE0, text);
}

uint32_t board_stack_bytes(void) {
    const volatile uint32_t *word = _stack_low;
    while (word < _stack_high && *word == PAINT) {
        ++word;
    }
    return (uint32_t)((uintptr_t)_stack_high - (uintptr_t)word);
}

void board_reset(void) {
    uint32_t *to = _data_start;
    for (const uint32_t *from = _data_load; to < _data_end; ++to, ++from) {
        *to = *from;
    }
    for (to = _bss_start; to < _bss_end; ++to) {
        *to = 0;
    }
    /* Paints the stack below this function's own part of it. */
    for (volatile uint32_t *word = _stack_low; word < (uint32_t *)__builtin_frame_address(0) - 16; ++word) {
        *word = PAINT;
    }
#ifdef __ARM_FP
    /* Hard-float code needs the float unit on before its first function. */
    *(volatile uint32_t *)0xE000ED88 |= UINT32_C(0xF) << 20;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
    leave((uint32_t)main());
}

typedef void (*vector_t)(void);

__attribute__((section(".vectors"), used)) static const vector_t vectors[16] = {
    (vector_t)_stack_high, board_reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault,
};
