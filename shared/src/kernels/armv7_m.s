@ Kernels for Cortex-M3, and for Armv8-M Mainline without the DSP extension; cortex_m.rs says what the functions take and return.
@
@ What pays on this core: LDM loads eight words by one instruction; an addition may shift its operand, so that a byte is widened and added in
@ one go once it is on top of its word; BIC x, x, x, ASR #31 is a ReLU.

    .syntax unified
    .thumb


@ Four folded units: r2 += sum of weight * max(value + byte, 0). The bytes are in \word, the values in r4, r6, r8, r10, the weights beside
@ them. Byte by byte moves to the top of the word, where the adder's shift widens it.
.macro matchstick_fold_quad word
    add     r10, r10, \word, asr #24
    lsl     \word, \word, #8
    add     r8, r8, \word, asr #24
    lsl     \word, \word, #8
    add     r6, r6, \word, asr #24
    lsl     \word, \word, #8
    add     r4, r4, \word, asr #24
    bic     r10, r10, r10, asr #31
    bic     r8, r8, r8, asr #31
    bic     r6, r6, r6, asr #31
    bic     r4, r4, r4, asr #31
    mla     r2, r10, r11, r2
    mla     r2, r8, r9, r2
    mla     r2, r6, r7, r2
    mla     r2, r4, r5, r2
.endm

@ Scans that need all registers for a row keep what belongs to items on the stack: bias, units, where a row begins, multiplier, end of
@ biases, start, threshold. In registers stay r0 (row), r1 (units), r2 (logit) and lr (end of units).
@ \odd is where rows with an odd number of steps of \step_bit bytes begin, \even where the others do.
.macro matchstick_scan_begin odd, even, step_bit
    push    {r4-r11, lr}
    ldm     r0, {r0, r4-r10}
    mov     lr, r6
    sub     r3, r6, r5
    adr.w   r6, \even
    tst     r3, #\step_bit
    it      ne
    adrne.w r6, \odd
    push    {r4-r10}
    mov     r1, r5
    mov     r2, r9
    mov     pc, r6
.endm

@ The end of an item and the way to the next one, or out: r0:r1 = address behind the bias of the item found (0 for none), logit.
.macro matchstick_scan_end
    ldm     sp, {r4-r10}
    ldrsh   r11, [r4], #2
    mla     r2, r11, r7, r2
    cmp     r2, r10
    bge     8f
    str     r4, [sp]
    mov     r1, r5
    mov     r2, r9
    cmp     r4, r8
    beq     7f
    mov     pc, r6
7:  movs    r4, #0
8:  mov     r0, r4
    mov     r1, r2
    add     sp, #28
    pop     {r4-r11, pc}
.endm

    matchstick_function fold_int8
    matchstick_scan_begin 1f, 2f, 32
1:  ldr     r3, [r0], #4
    ldm     r1!, {r4-r11}
    matchstick_fold_quad r3
    cmp     r1, lr
    beq     3f
2:  ldm     r0!, {r3, r12}
    ldm     r1!, {r4-r11}
    matchstick_fold_quad r3
    ldm     r1!, {r4-r11}
    matchstick_fold_quad r12
    cmp     r1, lr
    bne     2b
3:  matchstick_scan_end
    matchstick_end fold_int8

    matchstick_function fold_int4
    matchstick_scan_begin 1f, 1f, 32
1:  ldr     r12, [r0], #4
    ldm     r1!, {r4-r11}
    lsl     r3, r12, #4
    and     r3, r3, #0xf0f0f0f0
    and     r12, r12, #0xf0f0f0f0
    matchstick_fold_quad r3
    ldm     r1!, {r4-r11}
    matchstick_fold_quad r12
    cmp     r1, lr
    bne     1b
    matchstick_scan_end
    matchstick_end fold_int4

.macro matchstick_dot_pair first, second
    ldrsb   r3, [r0], #1
    ldrsb   r12, [r0], #1
    mla     r2, r3, \first, r2
    mla     r2, r12, \second, r2
.endm

@ The values of a dot term lie one behind the other, 16 bytes a quad.
    matchstick_function dot_int8
    matchstick_scan_begin 1f, 2f, 16
1:  ldm     r1!, {r4-r7}
    matchstick_dot_pair r4, r5
    matchstick_dot_pair r6, r7
    cmp     r1, lr
    beq     3f
2:  ldm     r1!, {r4-r11}
    matchstick_dot_pair r4, r5
    matchstick_dot_pair r6, r7
    matchstick_dot_pair r8, r9
    matchstick_dot_pair r10, r11
    cmp     r1, lr
    bne     2b
3:  matchstick_scan_end
    matchstick_end dot_int8

@ One look-up: the next byte of the row in the table at r1, added to the logit; on to the next table.
.macro matchstick_look_up load, scale, table_bytes
    ldrb    r3, [r0], #1
    \load   r3, [r1, r3, lsl #\scale]
    add     r1, r1, #\table_bytes
    add     r2, r2, r3
.endm

@ Rows of bytes, each with a table of its own. Bias r4, tables r5, their end r6, multiplier r7, end of biases r8, start r9, threshold r10.
.macro matchstick_scan_tables load, scale, table_bytes
    push    {r4-r10, lr}
    ldm     r0, {r0, r4-r10}
1:  mov     r1, r5
    mov     r2, r9
2:  matchstick_look_up \load, \scale, \table_bytes
    matchstick_look_up \load, \scale, \table_bytes
    matchstick_look_up \load, \scale, \table_bytes
    matchstick_look_up \load, \scale, \table_bytes
    cmp     r1, r6
    bne     2b
    ldrsh   r3, [r4], #2
    mla     r2, r3, r7, r2
    cmp     r2, r10
    bge     3f
    cmp     r4, r8
    bne     1b
    movs    r4, #0
3:  mov     r0, r4
    mov     r1, r2
    pop     {r4-r10, pc}
.endm

    matchstick_function fold_pairs
    matchstick_scan_tables ldr, 2, 1024
    matchstick_end fold_pairs

    matchstick_function pq
    matchstick_scan_tables ldrsh, 1, 512
    matchstick_end pq

@ Eight codes: each table has a register, r4 to r11. Row r0, logit r1, bias r3, end of biases r12, threshold lr.
    matchstick_function pq8
    push    {r4-r11, lr}
    ldr     r3, [r0, #4]
    ldr     r4, [r0, #8]
    ldr     r12, [r0, #20]
    ldr     lr, [r0, #28]
    ldr     r0, [r0]
    add     r5, r4, #512
    add     r6, r4, #1024
    add     r7, r5, #1024
    add     r8, r4, #2048
    add     r9, r5, #2048
    add     r10, r6, #2048
    add     r11, r7, #2048
1:  ldrsh   r1, [r3], #2
.irp table, r4, r5, r6, r7, r8, r9, r10, r11
    ldrb    r2, [r0], #1
    ldrsh   r2, [\table, r2, lsl #1]
    add     r1, r1, r2
.endr
    cmp     r1, lr
    bge     2f
    cmp     r3, r12
    bne     1b
    movs    r3, #0
2:  mov     r0, r3
    pop     {r4-r11, pc}
    matchstick_end pq8

@ One unit for two codes at a time: row r0 and sum r2, row r12 and sum r3.
.macro matchstick_pq_unit byte, value, weight
    ldrsb   lr, [r0, #\byte]
    add     lr, lr, \value
    bic     lr, lr, lr, asr #31
    mla     r2, lr, \weight, r2
    ldrsb   lr, [r12, #\byte]
    add     lr, lr, \value
    bic     lr, lr, lr, asr #31
    mla     r3, lr, \weight, r3
.endm

@ r0 codebook, r1 units, r2 table, r3 shift; on the stack: bytes in a row, units in use (1 to 8). r1 becomes the address of the second quad of
@ units. On the stack: shift, end of the table, table, bytes in two rows, twice the half, and where a row begins: units without weight at its
@ end are left out.
    matchstick_function pq_table
    push    {r4-r11, lr}
    ldrd    r7, r11, [sp, #36]
    add     r12, r0, r7
    lsl     r7, r7, #1
    add     r1, r1, #32
    mov     r4, r3
    add     r5, r2, #512
    mov     r6, r2
    mov     r8, #1
    lsl     r8, r8, r4
    lsr     r8, r8, #1
    mov     r9, r8
    adr.w   r10, 4f
    cmp     r11, #5
    it      eq
    adreq.w r10, 5f
    cmp     r11, #6
    it      eq
    adreq.w r10, 6f
    cmp     r11, #7
    it      eq
    adreq.w r10, 7f
    cmp     r11, #8
    it      eq
    adreq.w r10, 8f
    orr     r10, r10, #1
    push    {r4-r10}
1:  ldrd    r2, r3, [sp, #16]
    ldr     pc, [sp, #24]
5:  ldm     r1, {r4-r11}
    b       15f
6:  ldm     r1, {r4-r11}
    b       16f
7:  ldm     r1, {r4-r11}
    b       17f
8:  ldm     r1, {r4-r11}
    matchstick_pq_unit 7, r10, r11
17: matchstick_pq_unit 6, r8, r9
16: matchstick_pq_unit 5, r6, r7
15: matchstick_pq_unit 4, r4, r5
4:  ldmdb   r1, {r4-r11}
    matchstick_pq_unit 3, r10, r11
    matchstick_pq_unit 2, r8, r9
    matchstick_pq_unit 1, r6, r7
    matchstick_pq_unit 0, r4, r5
    ldm     sp, {r4-r7}
    add     r0, r0, r7
    add     r12, r12, r7
    asr     r2, r2, r4
    asr     r3, r3, r4
    strh    r2, [r6], #2
    strh    r3, [r6], #2
    str     r6, [sp, #8]
    cmp     r6, r5
    bne     1b
    add     sp, #28
    pop     {r4-r11, pc}
    matchstick_end pq_table

@ r0 user, r1 weights, r2 units, r3 end of units: pairs of user's value and weight, in words.
    matchstick_function fold_units
    push    {r4-r11, lr}
1:
.irp value, r4, r6, r8, r10
    ldrsh   \value, [r0], #2
.endr
.irp weight, r5, r7, r9, r11
    ldrsh   \weight, [r1], #2
.endr
    stm     r2!, {r4-r11}
    cmp     r2, r3
    bne     1b
    pop     {r4-r11, pc}
    matchstick_end fold_units

@ Two units as they are stored: their values in \values, their weights in \weights, the row at r2. r12 += weight * max(value + byte, 0).
.macro matchstick_stored_pair values, weights
    ldrsb   r8, [r2], #1
    ldrsb   r9, [r2], #1
    sxth    r10, \values
    add     r8, r8, r10
    add     r9, r9, \values, asr #16
    usat    r8, #15, r8
    usat    r9, #15, r9
    sxth    r10, \weights
    asrs    \weights, \weights, #16
    mla     r12, r8, r10, r12
    mla     r12, r9, \weights, r12
.endm

@ r0 user, r1 weights, r2 row, r3 how many quads, at least 1. The sum in r12.
    matchstick_function fold_sum
    push    {r4-r10, lr}
    mov     r12, #0
1:  ldrd    r4, r5, [r0], #8
    ldrd    r6, r7, [r1], #8
    matchstick_stored_pair r4, r6
    matchstick_stored_pair r5, r7
    subs    r3, r3, #1
    bne     1b
    mov     r0, r12
    pop     {r4-r10, pc}
    matchstick_end fold_sum

@ r0 bytes, r1 words, r2 end of words: widens four bytes at a time.
    matchstick_function widen
    push    {r4-r7, lr}
1:
.irp word, r4, r5, r6, r7
    ldrsb   \word, [r0], #1
.endr
    stm     r1!, {r4-r7}
    cmp     r1, r2
    bne     1b
    pop     {r4-r7, pc}
    matchstick_end widen

@ r0 sums, r1 their end, r2 shift, r3 limit: shifts and clamps four sums at a time.
    matchstick_function hidden
    push    {r4-r7, lr}
1:  ldm     r0, {r4-r7}
.irp sum, r4, r5, r6, r7
    asr     \sum, \sum, r2
    bic     \sum, \sum, \sum, asr #31
    cmp     \sum, r3
    it      gt
    movgt   \sum, r3
.endr
    stm     r0!, {r4-r7}
    cmp     r0, r1
    bne     1b
    pop     {r4-r7, pc}
    matchstick_end hidden

@ Weights r0, activations r1, their end r12, four sums r2 to r5, four activations r6 to r9, the arguments lr.
    matchstick_function dense
    push    {r4-r11, lr}
    mov     lr, r0
    ldr     r0, [lr]
    ldr     r12, [lr, #8]
1:  ldr     r6, [lr, #12]
    ldm     r6!, {r2-r5}
    str     r6, [lr, #12]
    ldr     r1, [lr, #4]
2:  ldm     r1!, {r6-r9}
.irp sum, r2, r3, r4, r5
    ldrsb   r10, [r0], #1
    ldrsb   r11, [r0], #1
    mla     \sum, r10, r6, \sum
    mla     \sum, r11, r7, \sum
    ldrsb   r10, [r0], #1
    ldrsb   r11, [r0], #1
    mla     \sum, r10, r8, \sum
    mla     \sum, r11, r9, \sum
.endr
    cmp     r1, r12
    bne     2b
    ldrd    r6, r7, [lr, #16]
    stm     r6!, {r2-r5}
    str     r6, [lr, #16]
    cmp     r6, r7
    bne     1b
    pop     {r4-r11, pc}
    matchstick_end dense

@ Another version of this crate may have macros of these names.
    .irp macro, fold_quad, scan_begin, scan_end, dot_pair, look_up, scan_tables, pq_unit, stored_pair
    .purgem matchstick_\macro
    .endr
