@ Kernels for Cortex-M0 and M0+, and for Armv8-M Baseline; cortex_m.rs says what the functions take and return.
@
@ Eight registers do arithmetic; the other six hold sums, ends, and where a row begins. The core has no instruction that multiplies and
@ adds, and none that cuts off negative numbers: a branch over the multiplication is cheaper, even when no unit is negative.

    .syntax unified
    .thumb

.macro matchstick_save
    push    {r4-r7, lr}
    mov     r4, r8
    mov     r5, r9
    mov     r6, r10
    mov     r7, r11
    push    {r4-r7}
.endm

.macro matchstick_return
    pop     {r4-r7}
    mov     r8, r4
    mov     r9, r5
    mov     r10, r6
    mov     r11, r7
    pop     {r4-r7, pc}
.endm

@ The rest of a folded unit whose byte is in \x: r12 += weight * (value + byte), unless that is negative.
.macro matchstick_fold_unit x, value, weight
    adds    \x, \x, \value
    bmi     9f
    muls    \x, \weight, \x
    add     r12, \x
9:
.endm

@ Four folded units. The bytes are in \word, values and weights come from r1.
.macro matchstick_fold_quad word, x
    ldm     r1!, {r4-r7}
    sxtb    \x, \word
    matchstick_fold_unit \x, r4, r5
    lsls    \x, \word, #16
    asrs    \x, \x, #24
    matchstick_fold_unit \x, r6, r7
    ldm     r1!, {r4-r7}
    lsls    \x, \word, #8
    asrs    \x, \x, #24
    matchstick_fold_unit \x, r4, r5
    asrs    \x, \word, #24
    matchstick_fold_unit \x, r6, r7
.endm

@ Scans of units keep the row in r0, units in r1, the next bias in r8, the first unit in r9, the address of the arguments that an item's end
@ needs in r10, where a row begins in r11, the logit in r12, the end of units in lr.
@ \odd is where rows with an odd number of steps of (1 << (\step_bits - 1)) bytes begin, \even where the others do.
.macro matchstick_scan_begin odd, even, step_bits
    matchstick_save
    ldm     r0!, {r4-r7}
    mov     r10, r0
    mov     r8, r5
    mov     r9, r6
    mov     lr, r7
    mov     r1, r6
    subs    r7, r7, r6
    adr     r2, \even
    lsrs    r7, r7, #\step_bits
    bcc     9f
    adr     r2, \odd
9:  mov     r11, r2
    ldr     r0, [r0, #8]
    mov     r12, r0
    mov     r0, r4
.endm

@ The end of an item, whose logit but for the bias is in r12, and the way to the next one, or out: r0:r1 = address behind the bias of the item found (0 for
@ none), logit.
.macro matchstick_scan_end restart:vararg
    mov     r4, r10
    ldm     r4, {r4-r7}
    mov     r2, r8
    ldrh    r3, [r2]
    sxth    r3, r3
    adds    r2, #2
    mov     r8, r2
    muls    r3, r4, r3
    add     r3, r12
    cmp     r3, r7
    bge     8f
    mov     r1, r9
    mov     r12, r6
    cmp     r2, r5
    beq     7f
    \restart
7:  movs    r2, #0
8:  mov     r0, r2
    mov     r1, r3
    matchstick_return
.endm

    matchstick_function fold_int8
    matchstick_scan_begin 1f, 2f, 6
    mov     pc, r11
    .p2align 2
1:  ldm     r0!, {r3}
    matchstick_fold_quad r3, r2
    cmp     r1, lr
    beq     3f
    .p2align 2
2:  ldm     r0!, {r3}
    matchstick_fold_quad r3, r2
    ldm     r0!, {r3}
    matchstick_fold_quad r3, r2
    cmp     r1, lr
    bne     2b
3:  matchstick_scan_end mov pc, r11
    matchstick_end fold_int8

@ Splits the next word of the row: high nibbles in r11, low ones in r2.
.macro matchstick_split_nibbles
    ldm     r0!, {r3}
    ldr     r4, 4f
    lsls    r2, r3, #4
    ands    r2, r4
    ands    r3, r4
    mov     r11, r3
.endm

@ r11 keeps the high nibbles of a word while the low ones are at work, so a row begins by a branch. Where the last quad has no weight, as it
@ has when there are four units too many, its half of the last word is left out: then lr is the end of the units before that word, and the
@ last word comes after the loop.
    matchstick_function fold_int4
    matchstick_scan_begin 1f, 1f, 6
    mov     r2, lr
    subs    r2, #64
    cmp     r2, r1
    beq     1f
    ldr     r3, [r2, #36]
    ldr     r4, [r2, #44]
    orrs    r3, r4
    ldr     r4, [r2, #52]
    orrs    r3, r4
    ldr     r4, [r2, #60]
    orrs    r3, r4
    bne     1f
    mov     lr, r2
    .p2align 2
5:  matchstick_split_nibbles
    matchstick_fold_quad r2, r3
    mov     r3, r11
    matchstick_fold_quad r3, r2
    cmp     r1, lr
    bne     5b
    ldm     r0!, {r3}
    ldr     r4, 4f
    lsls    r2, r3, #4
    ands    r2, r4
    matchstick_fold_quad r2, r3
    matchstick_scan_end b 5b
    .p2align 2
1:  matchstick_split_nibbles
    matchstick_fold_quad r2, r3
    mov     r3, r11
    matchstick_fold_quad r3, r2
    cmp     r1, lr
    bne     1b
    matchstick_scan_end b 1b
    .p2align 2
4:  .long   0xf0f0f0f0
    matchstick_end fold_int4

@ The values of a dot term lie one behind the other, 16 bytes a quad.
.macro matchstick_dot_quad
    ldm     r0!, {r3}
    ldm     r1!, {r4-r7}
    sxtb    r2, r3
    muls    r2, r4, r2
    add     r12, r2
    lsls    r2, r3, #16
    asrs    r2, r2, #24
    muls    r2, r5, r2
    add     r12, r2
    lsls    r2, r3, #8
    asrs    r2, r2, #24
    muls    r2, r6, r2
    add     r12, r2
    asrs    r2, r3, #24
    muls    r2, r7, r2
    add     r12, r2
.endm

    matchstick_function dot_int8
    matchstick_scan_begin 1f, 2f, 5
    mov     pc, r11
    .p2align 2
1:  matchstick_dot_quad
    cmp     r1, lr
    beq     3f
    .p2align 2
2:  matchstick_dot_quad
    matchstick_dot_quad
    cmp     r1, lr
    bne     2b
3:  matchstick_scan_end mov pc, r11
    matchstick_end dot_int8

@ One look-up: an entry of the table at r1, added to the logit in r4; on to the next table. \shift brings the index, in bytes, to where the
@ mask in r5 cuts it out of the word in r3.
.macro matchstick_look_up shift, by, load
    \shift  r2, r3, #\by
    ands    r2, r5
    \load   r2, [r1, r2]
    adds    r4, r4, r2
    adds    r1, r1, r6
.endm

@ Rows of bytes, each with a table of its own. Row r0, table r1, logit r4, mask r5, bytes in a table r6, next bias r8, first table r9, start r10,
@ threshold r11, end of biases r12, end of tables lr, multiplier on the stack.
.macro matchstick_scan_tables load, scale
    matchstick_save
    ldm     r0!, {r4-r7}
    mov     r8, r5
    mov     r9, r6
    mov     r1, r6
    mov     lr, r7
    ldm     r0!, {r2, r3}
    push    {r2}
    mov     r12, r3
    ldr     r3, [r0, #4]
    mov     r11, r3
    ldr     r2, [r0]
    mov     r10, r2
    mov     r0, r4
    mov     r4, r2
    movs    r5, #255
    lsls    r5, r5, #\scale
    movs    r6, #1
    lsls    r6, r6, #(\scale + 8)
1:  ldm     r0!, {r3}
    matchstick_look_up lsls, \scale, \load
    matchstick_look_up lsrs, 8 - \scale, \load
    matchstick_look_up lsrs, 16 - \scale, \load
    matchstick_look_up lsrs, 24 - \scale, \load
    cmp     r1, lr
    bne     1b
    mov     r2, r8
    ldrh    r3, [r2]
    sxth    r3, r3
    adds    r2, #2
    mov     r8, r2
    ldr     r1, [sp]
    muls    r3, r1, r3
    adds    r3, r3, r4
    cmp     r3, r11
    bge     2f
    mov     r1, r9
    mov     r4, r10
    cmp     r2, r12
    bne     1b
    movs    r2, #0
2:  mov     r0, r2
    mov     r1, r3
    add     sp, #4
    matchstick_return
.endm

    matchstick_function fold_pairs
    matchstick_scan_tables ldr, 2
    matchstick_end fold_pairs

    matchstick_function pq
    matchstick_scan_tables ldrsh, 1
    matchstick_end pq

.macro matchstick_look_up_near byte, table
    ldrb    r2, [r0, #\byte]
    lsls    r2, r2, #1
    ldrsh   r2, [\table, r2]
    adds    r1, r1, r2
.endm

.macro matchstick_look_up_far byte, distance
    ldrb    r2, [r0, #\byte]
    lsls    r2, r2, #1
    add     r2, \distance
    ldrsh   r2, [r3, r2]
    adds    r1, r1, r2
.endm

@ Eight codes: five tables have a register, r3 to r7, the other three are reached from r3 by the distances in r8 to r10. Row r0, logit r1,
@ next bias r11, threshold r12, end of rows lr.
    matchstick_function pq8
    matchstick_save
    ldr     r1, [r0, #4]
    mov     r11, r1
    ldr     r2, [r0, #20]
    subs    r2, r2, r1
    lsls    r2, r2, #2
    ldr     r1, [r0, #28]
    mov     r12, r1
    ldr     r3, [r0, #8]
    ldr     r0, [r0]
    adds    r2, r2, r0
    mov     lr, r2
    movs    r1, #1
    lsls    r1, r1, #9
    adds    r4, r3, r1
    adds    r5, r4, r1
    adds    r6, r5, r1
    adds    r7, r6, r1
    lsls    r2, r1, #2
    adds    r2, r2, r1
    mov     r8, r2
    adds    r2, r2, r1
    mov     r9, r2
    adds    r2, r2, r1
    mov     r10, r2
1:  mov     r2, r11
    ldrh    r1, [r2]
    adds    r2, #2
    mov     r11, r2
    sxth    r1, r1
    matchstick_look_up_near 0, r3
    matchstick_look_up_near 1, r4
    matchstick_look_up_near 2, r5
    matchstick_look_up_near 3, r6
    matchstick_look_up_near 4, r7
    matchstick_look_up_far 5, r8
    matchstick_look_up_far 6, r9
    matchstick_look_up_far 7, r10
    adds    r0, #8
    cmp     r1, r12
    bge     2f
    cmp     r0, lr
    bne     1b
    movs    r0, #0
    b       3f
2:  mov     r0, r11
3:  matchstick_return
    matchstick_end pq8

.macro matchstick_pq_code row, sum
    ldrsb   r2, [\row, r3]
    adds    r2, r2, r4
    bmi     9f
    muls    r2, r5, r2
    add     \sum, r2
9:
.endm

.macro matchstick_pq_unit byte
    ldr     r4, [sp, #(8 * \byte)]
    ldr     r5, [sp, #(8 * \byte + 4)]
    matchstick_pq_code r0, r8
    matchstick_pq_code r1, r9
    matchstick_pq_code r6, r10
    matchstick_pq_code r7, r11
    subs    r3, #1
.endm

.macro matchstick_pq_entry sum, offset
    mov     r2, \sum
    asrs    r2, r3
    strh    r2, [r4, #\offset]
.endm

@ Four codes at a time: rows r0, r1, r6, r7, sums r8 to r11. A unit's value r4 and weight r5 come from the stack, r3 is its byte in a row.
@ r0 codebook, r1 units, r2 table, r3 shift; on the stack: bytes in a row, units in use (1 to 8). The units in use are done from the last to
@ the first. On the stack, after 64 bytes of units: shift, table, end of the table, bytes in four rows, last unit in use. r12 is half, lr
@ where a row begins.
    matchstick_function pq_table
    matchstick_save
    sub     sp, #84
    str     r3, [sp, #64]
    str     r2, [sp, #68]
    movs    r6, #1
    lsls    r7, r6, #9
    adds    r7, r7, r2
    str     r7, [sp, #72]
    lsls    r6, r3
    lsrs    r6, r6, #1
    mov     r12, r6
    ldr     r4, [sp, #120]
    lsls    r6, r4, #2
    str     r6, [sp, #76]
    ldr     r5, [sp, #124]
    mov     r7, r5
    mov     r6, sp
1:  ldm     r1!, {r2, r3}
    stm     r6!, {r2, r3}
    subs    r7, #1
    bne     1b
    movs    r2, #8
    subs    r2, r2, r5
    movs    r3, #46
    muls    r2, r3, r2
    adr     r3, 2f
    adds    r2, r2, r3
    mov     lr, r2
    subs    r5, #1
    str     r5, [sp, #80]
    adds    r1, r0, r4
    adds    r6, r1, r4
    adds    r7, r6, r4
4:  ldr     r3, [sp, #80]
    mov     r8, r12
    mov     r9, r12
    mov     r10, r12
    mov     r11, r12
    mov     pc, lr
    .p2align 2
2:  matchstick_pq_unit 7
    matchstick_pq_unit 6
    matchstick_pq_unit 5
    matchstick_pq_unit 4
    matchstick_pq_unit 3
    matchstick_pq_unit 2
    matchstick_pq_unit 1
    matchstick_pq_unit 0
3:  ldr     r3, [sp, #64]
    ldr     r4, [sp, #68]
    matchstick_pq_entry r8, 0
    matchstick_pq_entry r9, 2
    matchstick_pq_entry r10, 4
    matchstick_pq_entry r11, 6
    adds    r4, #8
    str     r4, [sp, #68]
    ldr     r3, [sp, #76]
    adds    r0, r0, r3
    adds    r1, r1, r3
    adds    r6, r6, r3
    adds    r7, r7, r3
    ldr     r3, [sp, #72]
    cmp     r4, r3
    beq     5f
    b       4b
5:  add     sp, #84
    matchstick_return
    matchstick_end pq_table

@ Two units as they are stored: values in r4, weights in r5; the byte of the first is in \x, that of the second in the upper byte of
@ r3 after \shift.
.macro matchstick_stored_pair x, shift
    sxth    r7, r4
    adds    \x, \x, r7
    bmi     9f
    sxth    r7, r5
    muls    \x, r7, \x
    add     r12, \x
9:
.if \shift
    lsls    r6, r3, #\shift
    asrs    r6, r6, #24
.else
    asrs    r6, r3, #24
.endif
    asrs    r4, r4, #16
    adds    r6, r6, r4
    bmi     9f
    asrs    r5, r5, #16
    muls    r6, r5, r6
    add     r12, r6
9:
.endm

@ r0 user, r1 weights, r2 row, r3 how many quads, at least 1. The sum in r12, the quads that are left in lr.
    matchstick_function fold_sum
    push    {r4-r7, lr}
    mov     lr, r3
    movs    r3, #0
    mov     r12, r3
1:  ldm     r2!, {r3}
    ldm     r0!, {r4}
    ldm     r1!, {r5}
    sxtb    r6, r3
    matchstick_stored_pair r6, 16
    ldm     r0!, {r4}
    ldm     r1!, {r5}
    lsls    r6, r3, #8
    asrs    r6, r6, #24
    matchstick_stored_pair r6, 0
    mov     r6, lr
    subs    r6, r6, #1
    mov     lr, r6
    bne     1b
    mov     r0, r12
    pop     {r4-r7, pc}
    matchstick_end fold_sum

@ r0 user, r1 weights, r2 units, r3 end of units: pairs of user's value and weight, in words.
    matchstick_function fold_units
    push    {r4-r7, lr}
1:
.rept 2
    ldm     r0!, {r6}
    ldm     r1!, {r7}
    sxth    r4, r6
    sxth    r5, r7
    asrs    r6, r6, #16
    asrs    r7, r7, #16
    stm     r2!, {r4-r7}
.endr
    cmp     r2, r3
    bne     1b
    pop     {r4-r7, pc}
    matchstick_end fold_units

@ r0 bytes, r1 words, r2 end of words: widens four bytes at a time.
    matchstick_function widen
    push    {r4-r7, lr}
1:  ldm     r0!, {r7}
    sxtb    r4, r7
    lsls    r5, r7, #16
    asrs    r5, r5, #24
    lsls    r6, r7, #8
    asrs    r6, r6, #24
    asrs    r7, r7, #24
    stm     r1!, {r4-r7}
    cmp     r1, r2
    bne     1b
    pop     {r4-r7, pc}
    matchstick_end widen

@ r0 sums, r1 their end, r2 shift, r3 limit: shifts and clamps four sums at a time.
    matchstick_function hidden
    push    {r4-r7, lr}
1:  ldm     r0!, {r4-r7}
    subs    r0, #16
.irp sum, r4, r5, r6, r7
    asrs    \sum, r2
    bpl     2f
    movs    \sum, #0
2:  cmp     \sum, r3
    ble     3f
    mov     \sum, r3
3:
.endr
    stm     r0!, {r4-r7}
    cmp     r0, r1
    bne     1b
    pop     {r4-r7, pc}
    matchstick_end hidden

@ Weights r0, activations r1, four activations r3 to r6, four sums r8 to r11, the arguments r12, the end of activations lr.
    matchstick_function dense
    matchstick_save
    mov     r12, r0
    ldr     r1, [r0, #8]
    mov     lr, r1
    ldr     r0, [r0]
1:  mov     r2, r12
    ldr     r1, [r2, #12]
    ldm     r1!, {r3-r6}
    str     r1, [r2, #12]
    mov     r8, r3
    mov     r9, r4
    mov     r10, r5
    mov     r11, r6
    ldr     r1, [r2, #4]
2:  ldm     r1!, {r3-r6}
.irp sum, r8, r9, r10, r11
    ldm     r0!, {r7}
    sxtb    r2, r7
    muls    r2, r3, r2
    add     \sum, r2
    lsls    r2, r7, #16
    asrs    r2, r2, #24
    muls    r2, r4, r2
    add     \sum, r2
    lsls    r2, r7, #8
    asrs    r2, r2, #24
    muls    r2, r5, r2
    add     \sum, r2
    asrs    r7, r7, #24
    muls    r7, r6, r7
    add     \sum, r7
.endr
    cmp     r1, lr
    bne     2b
    mov     r2, r12
    ldr     r1, [r2, #16]
    mov     r3, r8
    mov     r4, r9
    mov     r5, r10
    mov     r6, r11
    stm     r1!, {r3-r6}
    str     r1, [r2, #16]
    ldr     r3, [r2, #20]
    cmp     r1, r3
    bne     1b
    matchstick_return
    matchstick_end dense

@ Another version of this crate may have macros of these names.
    .irp macro, save, return, fold_unit, fold_quad, scan_begin, scan_end, split_nibbles, dot_quad, look_up, scan_tables, look_up_near, look_up_far
    .purgem matchstick_\macro
    .endr
    .irp macro, pq_code, pq_unit, pq_entry, stored_pair
    .purgem matchstick_\macro
    .endr
