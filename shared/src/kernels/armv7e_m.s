@ Kernels for Armv7E-M, and Armv8-M with the DSP extension; armv7e_m.rs says what they do.

.syntax unified

@ r2 += w * max(a + b, 0) for two quads of a folded row: b is in r4 and r5, r1 walks through the units.
.macro matchstick_fold_octet
    ldm     r1!,{r6-r12,lr}
    sxtab16 r6,r6,r4
    sxtab16 r7,r7,r4,ror #8
    sxtab16 r10,r10,r5
    sxtab16 r11,r11,r5,ror #8
    usat16  r6,#15,r6
    usat16  r7,#15,r7
    usat16  r10,#15,r10
    usat16  r11,#15,r11
    smlad   r2,r6,r8,r2
    smlad   r2,r7,r9,r2
    smlad   r2,r10,r12,r2
    smlad   r2,r11,lr,r2
.endm

.macro matchstick_fold_pair
    ldrd    r4,r5,[r0],#8
    matchstick_fold_octet
.endm

.macro matchstick_fold_single
    ldr     r4,[r0],#4
    ldm     r1!,{r6-r9}
    sxtab16 r6,r6,r4
    sxtab16 r7,r7,r4,ror #8
    usat16  r6,#15,r6
    usat16  r7,#15,r7
    smlad   r2,r6,r8,r2
    smlad   r2,r7,r9,r2
.endm

@ The high nibbles are bytes as they stand, the low ones after a shift.
.macro matchstick_fold_nibbles
    ldr     r4,[r0],#4
    and     r5,r4,#0xf0f0f0f0
    lsl     r4,r4,#4
    and     r4,r4,#0xf0f0f0f0
    matchstick_fold_octet
.endm

.macro matchstick_dot_pair
    ldrd    r4,r5,[r0],#8
    ldm     r1!,{r6-r9}
    sxtb16  r10,r4
    sxtb16  r4,r4,ror #8
    sxtb16  r11,r5
    sxtb16  r5,r5,ror #8
    smlad   r2,r10,r6,r2
    smlad   r2,r4,r7,r2
    smlad   r2,r11,r8,r2
    smlad   r2,r5,r9,r2
.endm

.macro matchstick_dot_two_pairs
    matchstick_dot_pair
    matchstick_dot_pair
.endm

.macro matchstick_dot_single
    ldr     r4,[r0],#4
    ldrd    r6,r7,[r1],#8
    sxtb16  r10,r4
    sxtb16  r4,r4,ror #8
    smlad   r2,r10,r6,r2
    smlad   r2,r4,r7,r2
.endm

@ r2 += the sum over a row: r0 walks through rows, r1 through units, r3 is the address of the last quad of units.
.macro matchstick_row pair, single
2:  \pair
    cmp     r1,r3
    blo     2b
.ifnb \single
    bne     3f
    \single
3:
.endif
.endm

@ r0 is a Scan, of which the first six words move onto the stack. Returns a logit in r0 and in r1 the address of the bias after its item's.
.macro matchstick_scan name, pair, single
matchstick_function \name
    push    {r4-r11,lr}
    ldm     r0!,{r1-r6}
    push    {r1-r6}
    ldrd    r0,r3,[r0]
1:  ldrd    r1,r2,[sp,#16]
    matchstick_row \pair, \single
    ldm     sp,{r4-r7}
    ldrsh   r8,[r4],#2
    str     r4,[sp]
    mla     r2,r8,r5,r2
    cmp     r2,r6
    bge     4f
    cmp     r4,r7
    bne     1b
    movs    r4,#0
4:  mov     r0,r2
    mov     r1,r4
    add     sp,#24
    pop     {r4-r11,pc}
matchstick_end \name
.endm

matchstick_scan fold_int8, matchstick_fold_pair, matchstick_fold_single
matchstick_scan fold_int8_of_4, matchstick_fold_single
matchstick_scan fold_int4, matchstick_fold_nibbles
matchstick_scan dot_int8, matchstick_dot_pair, matchstick_dot_single
matchstick_scan dot_int8_of_4, matchstick_dot_single
matchstick_scan dot_int8_by_16, matchstick_dot_two_pairs

@ r0 user, r1 weights, r2 units, r3 how many quads, at least 1.
matchstick_function fold_units
    push    {r4-r11,lr}
    lsls    r12,r3,#31
    beq     2f
    ldrd    r4,r5,[r0],#8
    ldrd    r6,r7,[r1],#8
    pkhbt   r8,r4,r5,lsl #16
    pkhtb   r9,r5,r4,asr #16
    pkhbt   r10,r6,r7,lsl #16
    pkhtb   r11,r7,r6,asr #16
    stm     r2!,{r8-r11}
2:  lsrs    r12,r3,#1
    beq     4f
3:  ldm     r0!,{r4,r5,r8,r9}
    ldm     r1!,{r6,r7,r10,r11}
    pkhbt   r3,r4,r5,lsl #16
    pkhtb   r4,r5,r4,asr #16
    pkhbt   r5,r6,r7,lsl #16
    pkhtb   r6,r7,r6,asr #16
    pkhbt   r7,r8,r9,lsl #16
    pkhtb   r8,r9,r8,asr #16
    pkhbt   r9,r10,r11,lsl #16
    pkhtb   r10,r11,r10,asr #16
    stm     r2!,{r3-r10}
    subs    r12,#1
    bne     3b
4:  pop     {r4-r11,pc}
matchstick_end fold_units

@ Four units of a single row straight from what is stored: values in first and second, weights in r10 and r11; the sum in lr.
.macro matchstick_fold_stored first, second, bytes
    pkhbt   r12,\first,\second,lsl #16
    pkhtb   \second,\second,\first,asr #16
    sxtab16 r12,r12,\bytes
    sxtab16 \second,\second,\bytes,ror #8
    usat16  r12,#15,r12
    usat16  \second,#15,\second
    smlabb  lr,r12,r10,lr
    smlabt  lr,\second,r10,lr
    smlatb  lr,r12,r11,lr
    smlatt  lr,\second,r11,lr
.endm

@ r0 user, r1 weights, r2 row, r3 how many quads, at least 1.
matchstick_function fold_sum
    push    {r4-r11,lr}
    mov     lr,#0
    lsrs    r3,r3,#1
    bcc     1f
    ldrd    r4,r5,[r0],#8
    ldrd    r10,r11,[r1],#8
    ldr     r8,[r2],#4
    matchstick_fold_stored r4, r5, r8
    cbz     r3,2f
1:  ldm     r0!,{r4-r7}
    ldrd    r10,r11,[r1],#8
    ldrd    r8,r9,[r2],#8
    matchstick_fold_stored r4, r5, r8
    ldrd    r10,r11,[r1],#8
    matchstick_fold_stored r6, r7, r9
    subs    r3,#1
    bne     1b
2:  mov     r0,lr
    pop     {r4-r11,pc}
matchstick_end fold_sum

@ One table of a group of many quads. r0 rows, r1 units, r2 address of the last quad of units, r3 a Table: half, shift, entries and their end.
matchstick_function pq_table
    push    {r4-r11,lr}
    ldm     r3,{r4-r7}
    push    {r1,r4-r7}
    mov     r3,r2
1:  ldrd    r1,r2,[sp]
    matchstick_row matchstick_fold_pair, matchstick_fold_single
    add     r4,sp,#8
    ldm     r4,{r4-r6}
    asr     r2,r2,r4
    strh    r2,[r5],#2
    str     r5,[sp,#12]
    cmp     r5,r6
    bne     1b
    add     sp,#20
    pop     {r4-r11,pc}
matchstick_end pq_table

@ One table of a group of one or two quads, whose units stay in registers. r0 rows, r1 units, r2 entries, r3 shift.
@ The shift is the low byte of r3, above it the entries are counted up to 0. No carry comes out of that before the last one, so ASRS by 0
@ leaves none and ASRS by more leaves the half: ADC rounds.
.macro matchstick_pq_table_of quads
matchstick_function pq_table_of_\quads
    push    {r4-r11,lr}
    sub     r3,#0x10000
.if \quads == 2
    ldm     r1,{r5-r12}
.else
    ldm     r1,{r5-r8}
.endif
    adds    r3,#0
1:  
.if \quads == 2
    ldrd    r1,lr,[r0],#8
.else
    ldr     r1,[r0],#4
.endif
    sxtab16 r4,r5,r1
    usat16  r4,#15,r4
    smuad   r4,r4,r7
    sxtab16 r1,r6,r1,ror #8
    usat16  r1,#15,r1
    smlad   r4,r1,r8,r4
.if \quads == 2
    sxtab16 r1,r9,lr
    usat16  r1,#15,r1
    smlad   r4,r1,r11,r4
    sxtab16 lr,r10,lr,ror #8
    usat16  lr,#15,lr
    smlad   r4,lr,r12,r4
.endif
    asrs    r4,r4,r3
    adc     r4,r4,#0
    strh    r4,[r2],#2
    adds    r3,#0x100
    bcc     1b
    pop     {r4-r11,pc}
matchstick_end pq_table_of_\quads
.endm
matchstick_pq_table_of 1
matchstick_pq_table_of 2

@ Eight codes: all tables in registers. r0 is a Scan; returns like the others.
matchstick_function pq_8
    push    {r4-r11,lr}
    ldm     r0,{r1-r5}
    mov     r2,r3
    mov     r3,r4
    mov     r4,r5
    add     r5,r4,#0x200
    add     r6,r4,#0x400
    add     r7,r4,#0x600
    add     r8,r4,#0x800
    add     r9,r4,#0xa00
    add     r10,r4,#0xc00
    add     r11,r4,#0xe00
    ldr     r0,[r0,#24]
1:  ldrsh   lr,[r1],#2
.irp table,r4,r5,r6,r7,r8,r9,r10,r11
    ldrb    r12,[r0],#1
    ldrsh   r12,[\table,r12,lsl #1]
    add     lr,r12
.endr
    cmp     lr,r2
    bge     2f
    cmp     r1,r3
    bne     1b
    movs    r1,#0
2:  mov     r0,lr
    pop     {r4-r11,pc}
matchstick_end pq_8

@ Sixteen codes: each of four registers serves four tables.
matchstick_function pq_16
    push    {r4-r11,lr}
    ldm     r0,{r1-r5}
    mov     r2,r3
    mov     r3,r4
    mov     r4,r5
    add     r5,r4,#0x800
    add     r6,r4,#0x1000
    add     r7,r5,#0x1000
    mov     r8,#0x100
    mov     r9,#0x200
    mov     r10,#0x300
    ldr     r0,[r0,#24]
1:  ldrsh   lr,[r1],#2
.irp tables,r4,r5,r6,r7
    ldr     r11,[r0],#4
    uxtb    r12,r11
    ldrsh   r12,[\tables,r12,lsl #1]
    add     lr,r12
    uxtab   r12,r8,r11,ror #8
    ldrsh   r12,[\tables,r12,lsl #1]
    add     lr,r12
    uxtab   r12,r9,r11,ror #16
    ldrsh   r12,[\tables,r12,lsl #1]
    add     lr,r12
    uxtab   r12,r10,r11,ror #24
    ldrsh   r12,[\tables,r12,lsl #1]
    add     lr,r12
.endr
    cmp     lr,r2
    bge     2f
    cmp     r1,r3
    bne     1b
    movs    r1,#0
2:  mov     r0,lr
    pop     {r4-r11,pc}
matchstick_end pq_16

@ r0 user, r1 units, r2 how many quads, at least 1.
matchstick_function dot_units
    push    {r4,lr}
1:  ldrd    r3,r4,[r0],#8
    pkhbt   r12,r3,r4,lsl #16
    pkhtb   lr,r4,r3,asr #16
    strd    r12,lr,[r1],#8
    subs    r2,#1
    bne     1b
    pop     {r4,pc}
matchstick_end dot_units

@ r0 row, r1 activations, r2 how many quads, at least 1.
matchstick_function activations8
    push    {r4,lr}
1:  ldr     r3,[r0],#4
    sxtb16  r4,r3
    sxtb16  r12,r3,ror #8
    strd    r4,r12,[r1],#8
    subs    r2,#1
    bne     1b
    pop     {r4,pc}
matchstick_end activations8

@ r0 is a Dense. The loop has four blocks and is entered where a multiple of four is left.
matchstick_function dense
    push    {r4-r11,lr}
    ldm     r0!,{r1-r4}
    adr     r5,2f
    ldrd    r6,r7,[r0]
    movs    r8,#72
    mla     r5,r7,r8,r5
    adds    r5,#1
    push    {r1-r5}
    ldr     r2,[r0,#8]
    mov     r0,r6
1:  ldrd    r7,r1,[sp]
    ldm     r7!,{r3-r6}
    str     r7,[sp]
    ldr     pc,[sp,#16]
    .p2align 2
2:
.rept 4
    ldm.w   r0!,{r9-r12}
    ldrd    r7,r8,[r1],#8
    sxtb16  lr,r9
    sxtb16  r9,r9,ror #8
    smlad   r3,lr,r7,r3
    smlad   r3,r9,r8,r3
    sxtb16  lr,r10
    sxtb16  r10,r10,ror #8
    smlad   r4,lr,r7,r4
    smlad   r4,r10,r8,r4
    sxtb16  lr,r11
    sxtb16  r11,r11,ror #8
    smlad   r5,lr,r7,r5
    smlad   r5,r11,r8,r5
    sxtb16  lr,r12
    sxtb16  r12,r12,ror #8
    smlad   r6,lr,r7,r6
    smlad   r6,r12,r8,r6
.endr
    cmp     r1,r2
    bne     2b
    ldrd    r7,r8,[sp,#8]
    stm     r7!,{r3-r6}
    str     r7,[sp,#8]
    cmp     r7,r8
    bne     1b
    add     sp,#20
    pop     {r4-r11,pc}
matchstick_end dense

@ r0 sums and activations, r1 how many quads, at least 1, r2 shift, r3 limit in both lanes.
matchstick_function hidden
    push    {r4-r7,lr}
    mov     r12,r0
1:  ldm     r0!,{r4-r7}
.irp unit,r4,r5,r6,r7
    asr     \unit,\unit,r2
    usat    \unit,#15,\unit
.endr
    pkhbt   r4,r4,r6,lsl #16
    pkhbt   r5,r5,r7,lsl #16
    uqsub16 r6,r4,r3
    uqsub16 r7,r5,r3
    usub16  r4,r4,r6
    usub16  r5,r5,r7
    strd    r4,r5,[r12],#8
    subs    r1,#1
    bne     1b
    pop     {r4-r7,pc}
matchstick_end hidden

@ r0 activations, r1 weights, r2 how many quads, at least 1.
matchstick_function output
    push    {r4-r6,lr}
    movs    r3,#0
1:  ldrd    r4,r5,[r0],#8
    ldrd    r6,r12,[r1],#8
    smlabb  r3,r4,r6,r3
    smlabt  r3,r5,r6,r3
    smlatb  r3,r4,r12,r3
    smlatt  r3,r5,r12,r3
    subs    r2,#1
    bne     1b
    mov     r0,r3
    pop     {r4-r6,pc}
matchstick_end output

@ Another version of this crate may have macros of these names.
.irp macro,fold_octet,fold_pair,fold_single,fold_nibbles,dot_pair,dot_two_pairs,dot_single,row,scan,fold_stored,pq_table_of
.purgem matchstick_\macro
.endr
