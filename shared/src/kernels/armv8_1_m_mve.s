@ Kernels for Armv8.1-M with MVE; armv8_1_m_mve.rs says what they do.

@ The triple does not admit vectors. Nothing takes this back: assembly that follows may use them, too.
.cpu cortex-m55
.syntax unified

@ An octet of units: -a in q0, weights in q1.
.macro matchstick_fold_octet
    vldrh.u16   q0,[r8],#32
    vldrh.u16   q1,[r8,#-16]
.endm

@ The sum goes to acc; without `exact` it lacks the sum of w * a.
.macro matchstick_fold_item row, acc, temp, exact
    vldrb.s16   \temp,[\row],#8
    vmax.s16    \temp,\temp,q0
.ifnb \exact
    vsub.i16    \temp,\temp,q0
.endif
    vmladava.s16 \acc,\temp,q1
.endm

@ Two octets, their first quads in q0 and q1, their second ones in q2 and q3. q6 has the addresses of the octets before.
.macro matchstick_nibble_octets
    vldrd.u64   q0,[q6,#64]!
    vldrd.u64   q1,[q6,#16]
    vldrd.u64   q2,[q6,#8]
    vldrd.u64   q3,[q6,#24]
.endm

.macro matchstick_nibble_addresses first, second
    vmov        q6[2],q6[0],\first,\second
.endm

@ Low nibbles are the first quads' units, high nibbles the second ones'.
.macro matchstick_nibble_item row, acc, temp, exact
    vldrb.s16   q4,[\row],#8
    vshl.i16    q5,q4,#12
    vshr.s16    q5,q5,#8
    vbic.i16    q4,#0xf
    vmax.s16    q5,q5,q0
    vmax.s16    q4,q4,q2
.ifnb \exact
    vsub.i16    q5,q5,q0
    vsub.i16    q4,q4,q2
.endif
    vmladava.s16 \acc,q5,q1
    vmladava.s16 \acc,q4,q3
.endm

.macro matchstick_dot_octet
    vldrh.u16   q0,[r8],#16
.endm

.macro matchstick_dot_item row, acc, temp, exact
    vldrb.s16   \temp,[\row],#8
    vmladava.s16 \acc,\temp,q0
.endm

@ r0 is a Scan. Returns in r0 the address of the bias after the last item of a pass that reaches the threshold, or 0, and in r1 how many items
@ the pass has; their logits are in the Scan.
@ Rows are at r1, r3, r5, r7, their sums in r0, r2, r4, r10. r6 walks through the biases, r8 through the units (or r8 and r10 are where that
@ begins), r9 leads from where a pass leaves a row to the next pass's, r11 counts lanes, r12 items. On the stack: shift, start of a pass of four,
@ threshold, r8, r10, start of a pass of one, the Scan's middle.
.macro matchstick_scan name, octet, item, addresses, units_per_lane
matchstick_function \name
    push        {r4-r11,lr}
    vpush       {d8-d13}
    ldm         r0!,{r1-r5}
    mov         r6,r2
    mov         r7,r0
    push        {r1-r7}
    mov         r8,r4
    mov         r10,r5
    ldm         r0,{r1,r3,r6,r9,r11,r12}
    add         r5,r1,r3,lsl #1
    adds        r7,r5,r3
    adds        r3,r3,r1
    subs        r12,#4
    blo         4f
.ifnb \units_per_lane
    movs        r0,#0
.if \units_per_lane == 2
    add         r4,r8,#64
    lsl         lr,r11,#1
    dlstp.16    lr,lr
.else
    mov         r4,r8
    dlstp.16    lr,r11
.endif
1:  vldrh.u16   q0,[r4],#32
    vldrh.u16   q1,[r4,#-16]
    vmladava.s16 r0,q0,q1
    letp        lr,1b
    ldr         r2,[sp,#4]
    subs        r2,r2,r0
    str         r2,[sp,#4]
.endif
2:
.ifnb \addresses
    \addresses  r8,r10
.endif
    movs        r0,#0
    movs        r2,#0
    movs        r4,#0
    mov         r10,r0
    dlstp.16    lr,r11
3:  \octet
    \item       r1,r0,q2
    \item       r3,r2,q3
    \item       r5,r4,q2
    \item       r7,r10,q3
    letp        lr,3b
    vmov        q0[2],q0[0],r0,r4
    vmov        q0[3],q0[1],r2,r10
    ldm         sp,{r0,r2,r4,r8,r10}
    vldrh.s32   q1,[r6],#8
    vshl.s32    q1,r0
    vadd.i32    q0,q0,r2
    vadd.i32    q0,q0,q1
    vcmp.s32    ge,q0,r4
    vmrs        r0,p0
    cbnz        r0,7f
    add         r1,r9
    add         r3,r9
    add         r5,r9
    add         r7,r9
    subs        r12,#4
    bhs         2b
4:  adds        r12,#4
    beq         6f
5:
.ifnb \addresses
    \addresses  r8,r10
.endif
    movs        r0,#0
    dlstp.16    lr,r11
3:  \octet
    \item       r1,r0,q5,exact
    letp        lr,3b
    ldm         sp,{r2,r4,r7,r8,r10,lr}
    ldrsh       r4,[r6],#2
    lsls        r4,r2
    adds        r0,r0,r4
    add         r0,lr
    cmp         r0,r7
    bge         8f
    mov         r1,r3
    mov         r3,r5
    subs        r12,#1
    bne         5b
6:  movs        r0,#0
    b           9f
7:  ldr         r2,[sp,#24]
    adds        r2,#24
    vstrw.32    q0,[r2]
    movs        r1,#4
    mov         r0,r6
    b           9f
8:  ldr         r2,[sp,#24]
    str         r0,[r2,#24]
    movs        r1,#1
    mov         r0,r6
9:  add         sp,#28
    vpop        {d8-d13}
    pop         {r4-r11,pc}
matchstick_end \name
.endm

matchstick_scan fold_int8, matchstick_fold_octet, matchstick_fold_item, , 1
matchstick_scan fold_int4, matchstick_nibble_octets, matchstick_nibble_item, matchstick_nibble_addresses, 2
matchstick_scan dot_int8, matchstick_dot_octet, matchstick_dot_item

@ r0 user, r1 weights, r2 units, r3 how many, at least 1.
matchstick_function fold_units
    push        {r4,lr}
    dlstp.16    lr,r3
1:  vldrh.u16   q0,[r0],#16
    vldrh.u16   q1,[r1],#16
    vneg.s16    q0,q0
    vstrh.16    q0,[r2],#32
    vstrh.16    q1,[r2,#-16]
    letp        lr,1b
    pop         {r4,pc}
matchstick_end fold_units

@ r0 user, r1 weights, r2 row, r3 how many quads, at least 1.
matchstick_function fold_sum
    push        {r7,lr}
    vmov.i32    q3,#0
    mov         r12,#0
    lsls        r3,#2
    dlstp.16    lr,r3
1:  vldrh.u16   q0,[r0],#16
    vldrb.s16   q1,[r2],#8
    vadd.i16    q0,q0,q1
    vldrh.u16   q2,[r1],#16
    vmax.s16    q0,q0,q3
    vmladava.s16 r12,q0,q2
    letp        lr,1b
    mov         r0,r12
    pop         {r7,pc}
matchstick_end fold_sum

@ One table of a group of one quad or two, whose units stay in registers: half and the sum of w * a are where each code's sum starts.
@ r0 rows, r1 units, r2 entries, r3 shift.
.macro matchstick_pq_table_of quads, lane, halves, bytes
matchstick_function pq_table_of_\quads
    push        {r4,r5,r7,lr}
    vldrh.\halves q0,[r1]
    vldrh.\halves q1,[r1,#16]
    movs        r4,#0
    vmladava.\lane r4,q0,q1
    movs        r5,#1
    lsls        r5,r3
    rsb         r5,r4,r5,lsr #1
    mov         r12,#256
    dls         lr,r12
1:  mov         r4,r5
    vldrb.\bytes q2,[r0],#4*\quads
    vmax.\lane  q2,q2,q0
    vmladava.\lane r4,q2,q1
    asrs        r4,r3
    strh        r4,[r2],#2
    le          lr,1b
    pop         {r4,r5,r7,pc}
matchstick_end pq_table_of_\quads
.endm
matchstick_pq_table_of 1, s32, s32, s32
matchstick_pq_table_of 2, s16, u16, s16

@ The same for a group of any width. r3 is a Table.
matchstick_function pq_table
    push        {r4-r9,lr}
    ldm         r3,{r3,r5-r7}
    movs        r4,#0
    mov         r8,r1
    dlstp.16    lr,r6
1:  matchstick_fold_octet
    vmladava.s16 r4,q0,q1
    letp        lr,1b
    subs        r5,r5,r4
    mov         r12,#256
2:  mov         r4,r5
    mov         r8,r1
    dlstp.16    lr,r6
3:  matchstick_fold_octet
    matchstick_fold_item r0,r4,q2
    letp        lr,3b
    add         r0,r7
    asrs        r4,r3
    strh        r4,[r2],#2
    subs        r12,#1
    bne         2b
    pop         {r4-r9,pc}
matchstick_end pq_table

@ r0 is a PqScan. Returns a sum in r0 and in r1 the address of the bias after its item's, or 0. Eight lanes are eight codes: adding multiples of
@ 256 makes them indices into tables that lie side by side.
matchstick_function pq_8
    push        {r4,r5,r7,lr}
    ldm         r0,{r0,r1,r3-r5}
    movs        r2,#0
    vidup.u16   q1,r2,#1
    vshl.i16    q1,q1,#8
    dls         lr,r5
1:  ldrsh       r2,[r1],#2
    vldrb.u16   q0,[r0],#8
    vadd.i16    q0,q0,q1
    vldrh.u16   q2,[r3,q0,uxtw #1]
    vaddva.s16  r2,q2
    cmp         r2,r4
    bge         2f
    le          lr,1b
    movs        r1,#0
2:  mov         r0,r2
    pop         {r4,r5,r7,pc}
matchstick_end pq_8

matchstick_function pq
    push        {r4-r9,lr}
    ldm         r0,{r0,r1,r3-r6,r8}
    movs        r2,#0
    vidup.u16   q1,r2,#1
    vshl.i16    q1,q1,#8
1:  ldrsh       r2,[r1],#2
    mov         r7,r0
    mov         r9,r3
    dlstp.16    lr,r6
2:  vldrb.u16   q0,[r7],#8
    vadd.i16    q0,q0,q1
    vldrh.u16   q2,[r9,q0,uxtw #1]
    add         r9,r9,#4096
    vaddva.s16  r2,q2
    letp        lr,2b
    add         r0,r8
    cmp         r2,r4
    bge         3f
    subs        r5,#1
    bne         1b
    movs        r1,#0
3:  mov         r0,r2
    pop         {r4-r9,pc}
matchstick_end pq

@ r0 from, r1 to, r2 how many words, at least 1.
matchstick_function copy
    push        {r7,lr}
    dlstp.32    lr,r2
1:  vldrw.u32   q0,[r0],#16
    vstrw.32    q0,[r1],#16
    letp        lr,1b
    pop         {r7,pc}
matchstick_end copy

@ Adds the products of so many steps to the sums of all rows. A step is four blocks, which VLD4 sorts by rows.
.macro matchstick_dense8_panel steps
    vpst
    vldrwt.u32  q4,[r3],#16
.if \steps > 1
    vldrw.u32   q5,[r3],#16
.endif
.if \steps > 2
    vldrw.u32   q6,[r3],#16
.endif
.if \steps > 3
    vldrw.u32   q7,[r3],#16
.endif
    sub         r12,r7,#64*\steps
    dls         lr,r9
1:  ldm         r1!,{r4,r6,r8,r10}
    matchstick_dense8_step q4
.if \steps > 1
    matchstick_dense8_step q5
.endif
.if \steps > 2
    matchstick_dense8_step q6
.endif
.if \steps > 3
    matchstick_dense8_step q7
.endif
    add         r0,r12
    stm         r2!,{r4,r6,r8,r10}
    le          lr,1b
    add         r0,r0,#64*\steps
.endm

.macro matchstick_dense8_step acts
    vld40.32    {q0,q1,q2,q3},[r0]
    vld41.32    {q0,q1,q2,q3},[r0]
    vld42.32    {q0,q1,q2,q3},[r0]
    vld43.32    {q0,q1,q2,q3},[r0]!
    vmladava.s8 r4,q0,\acts
    vmladava.s8 r6,q1,\acts
    vmladava.s8 r8,q2,\acts
    vmladava.s8 r10,q3,\acts
.endm

@ r0 is a Dense, whose rows have at least four blocks. Columns are taken in panels of up to four steps, whose activations stay in q4 to q7 while
@ the sums of all rows go through r4, r6, r8 and r10. A last panel that lacks blocks begins so many earlier, and takes zeros for their
@ activations; the first panel never lacks any.
@ r0 weights, r1 where sums come from, r2 where they go, r3 activations, r5 blocks that are left, r7 bytes of a row, r9 rows, r11 sums, r12 steps of
@ the panel at hand.
matchstick_function dense8
    push        {r4-r11,lr}
    vpush       {d8-d15}
    ldm         r0,{r0-r3,r5,r7,r9,r12}
    mov         r11,r2
    movs        r4,#0
2:  vctp.32     r4
    vpnot
    sub         r5,r5,r12,lsl #2
    tbb         [pc,r12]
3:  .byte       0,(7f-3b)/2,(6f-3b)/2,(5f-3b)/2,(4f-3b)/2,0
4:  matchstick_dense8_panel 4
    b           8f
5:  matchstick_dense8_panel 3
    b           8f
6:  matchstick_dense8_panel 2
    b           8f
7:  matchstick_dense8_panel 1
8:  cbz         r5,9f
    mls         r0,r7,r9,r0
    adds        r1,r5,#3
    lsr         r12,r1,#2
    cmp         r12,#4
    it          hi
    movhi       r12,#4
    rsbs        r4,r5,r12,lsl #2
    it          mi
    movmi       r4,#0
    add         r5,r4
    sub         r3,r3,r4,lsl #2
    sub         r0,r0,r4,lsl #4
    mov         r1,r11
    mov         r2,r11
    b           2b
9:  vpop        {d8-d15}
    pop         {r4-r11,pc}
matchstick_end dense8

@ The same for rows of one to three blocks, which are gathered by rows.
matchstick_function dense8_narrow
    push        {r4-r10,lr}
    ldm         r0,{r0-r3,r5,r7,r9}
    vctp.32     r5
    vpst
    vldrwt.u32  q1,[r3]
    movs        r4,#0
    vidup.u32   q2,r4,#1
    vshl.i32    q2,q2,#4
    vadd.i32    q2,q2,r0
    dls         lr,r9
1:  ldm         r1!,{r4,r6,r8,r10}
    vpstttt
    vldrwt.u32  q0,[q2]
    vmladavat.s8 r4,q0,q1
    vldrwt.u32  q0,[q2,#4]
    vmladavat.s8 r6,q0,q1
    vpstttt
    vldrwt.u32  q0,[q2,#8]
    vmladavat.s8 r8,q0,q1
    vldrwt.u32  q0,[q2,#12]
    vmladavat.s8 r10,q0,q1
    vadd.i32    q2,q2,r7
    stm         r2!,{r4,r6,r8,r10}
    le          lr,1b
    pop         {r4-r10,pc}
matchstick_end dense8_narrow

@ r0 is a Dense16. One block a step. The loop has four steps and is entered where a multiple of four is left.
matchstick_function dense16
    push        {r4-r11,lr}
    ldm         r0,{r0-r3,r7,r9,r11}
    adr         r5,2f
    movs        r4,#36
    mla         r7,r7,r4,r5
    add         r7,#1
1:  ldm         r1!,{r4,r6,r8,r10}
    mov         r5,r3
    dls         lr,r9
    bx          r7
    .p2align    2
2:
.rept 4
    vldrh.s32   q0,[r5],#8
    vldrb.s32   q1,[r0],#4
    vmladava.s32 r4,q0,q1
    vldrb.s32   q2,[r0],#4
    vmladava.s32 r6,q0,q2
    vldrb.s32   q1,[r0],#4
    vmladava.s32 r8,q0,q1
    vldrb.s32   q2,[r0],#4
    vmladava.s32 r10,q0,q2
.endr
    le          lr,2b
    stm         r2!,{r4,r6,r8,r10}
    subs        r11,#1
    bne         1b
    pop         {r4-r11,pc}
matchstick_end dense16

@ r0 sums and activations, r1 how many quads, at least 1, r2 shift to the left, r3 limit.
matchstick_function hidden
    push        {r7,lr}
    vmov.i32    q1,#0
    vdup.32     q2,r3
    mov         r3,r0
    dls         lr,r1
1:  vldrw.u32   q0,[r0],#16
    vshl.s32    q0,r2
    vmax.s32    q0,q0,q1
    vmin.s32    q0,q0,q2
    vstrh.32    q0,[r3],#8
    le          lr,1b
    pop         {r7,pc}
matchstick_end hidden

@ r0 activations, r1 weights, r2 how many quads, at least 1.
matchstick_function output
    push        {r7,lr}
    mov         r12,#0
    lsls        r2,#2
    dlstp.16    lr,r2
1:  vldrh.u16   q0,[r0],#16
    vldrh.u16   q1,[r1],#16
    vmladava.s16 r12,q0,q1
    letp        lr,1b
    mov         r0,r12
    pop         {r7,pc}
matchstick_end output

@ Another version of this crate may have macros of these names.
.irp macro,fold_octet,fold_item,nibble_octets,nibble_addresses,nibble_item,dot_octet,dot_item,scan,pq_table_of,dense8_panel,dense8_step
.purgem matchstick_\macro
.endr
