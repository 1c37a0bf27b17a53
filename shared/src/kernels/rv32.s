# Kernels for RV32IMC; rv32.rs says what they do.

.option push
.option arch, +m, +c

# s0 to s9, of which no scan needs more.
.macro matchstick_rv32_save
    sw s0,0(sp)
    sw s1,4(sp)
    sw s2,8(sp)
    sw s3,12(sp)
    sw s4,16(sp)
    sw s5,20(sp)
    sw s6,24(sp)
    sw s7,28(sp)
    sw s8,32(sp)
    sw s9,36(sp)
.endm

.macro matchstick_rv32_restore
    lw s0,0(sp)
    lw s1,4(sp)
    lw s2,8(sp)
    lw s3,12(sp)
    lw s4,16(sp)
    lw s5,20(sp)
    lw s6,24(sp)
    lw s7,28(sp)
    lw s8,32(sp)
    lw s9,36(sp)
.endm

# ---- Scans, four items a pass, then the rest one by one.
#
# size_t scan(rows, row_quads, biases, biases_end, operand, threshold, pass), see `Scan` in rv32.rs.
#
#   a0, a1, a7, t6   rows of four items             s0 to s3   their sums
#   a2, a3           biases, the end of passes      s4, s5     the operand: the first quad, behind the last
#   a4               operand at the quad at hand    s6         bytes of a row
#   a5, a6           threshold less start, pass     s9         shift of biases
#
# For one item t6 is the row and a1 its bytes, a4 the operand and a7 the same at the quad at hand, t3 the sum, t5 the first bias.

# `four` does a pass for one quad of units, `one` the same for one item. A quad of the operand has `size` bytes.
.macro matchstick_rv32_open name
    matchstick_function \name
    mv t5,a2
    mv t6,a0
    sub t0,a3,a2
    andi t0,t0,-8
    beqz t0,50f
    addi sp,sp,-96
    matchstick_rv32_save
    sw a1,48(sp)
    sw a2,52(sp)
    sw a3,56(sp)
    sw a4,60(sp)
    add a3,a2,t0
    lw s9,4(a6)
    slli s6,a1,2
.endm

# The next four rows, each `back` bytes too early, and the sums before the first unit.
.macro matchstick_rv32_next back
.ifb \back
    mv a0,t6
.else
    sub a0,t6,\back
.endif
    add a1,a0,s6
    add a7,a1,s6
    add t6,a7,s6
    lh s0,0(a2)
    lh s1,2(a2)
    lh s2,4(a2)
    lh s3,6(a2)
    sll s0,s0,s9
    sll s1,s1,s9
    sll s2,s2,s9
    sll s3,s3,s9
    mv a4,s4
.endm

# Goes on at 2, with the next pass, until a sum reaches the threshold or the biases end.
.macro matchstick_rv32_four_done
    bge s0,a5,40f
    bge s1,a5,40f
    bge s2,a5,40f
    bge s3,a5,40f
    addi a2,a2,8
    bne a2,a3,2b
    matchstick_rv32_restore
    lw a1,48(sp)
    lw t5,52(sp)
    lw a3,56(sp)
    lw a4,60(sp)
    addi sp,sp,96
    j 50f
40:
    lw t0,0(a6)
    add s0,s0,t0
    add s1,s1,t0
    add s2,s2,t0
    add s3,s3,t0
    sw s0,8(a6)
    sw s1,12(a6)
    sw s2,16(a6)
    sw s3,20(a6)
    li t0,4
    sw t0,24(a6)
    lw t5,52(sp)
    matchstick_rv32_restore
    addi sp,sp,96
    sub a0,a2,t5
    srli a0,a0,1
    ret
.endm

# Items one by one: `do` is what a quad does, `size` the bytes of its operand.
.macro matchstick_rv32_ones name, do, size
50:
    slli a1,a1,2
.if \size > 2047
    li a0,\size
.endif
    j 53f
51:
    lh t3,0(a2)
    lw t0,4(a6)
    sll t3,t3,t0
    mv a7,a4
    add t4,t6,a1
52:
    \do
    addi t6,t6,4
.if \size > 2047
    add a7,a7,a0
.else
    addi a7,a7,\size
.endif
    bne t6,t4,52b
    bge t3,a5,54f
    addi a2,a2,2
53:
    bne a2,a3,51b
    li a0,-1
    ret
54:
    lw t0,0(a6)
    add t3,t3,t0
    sw t3,8(a6)
    sw zero,12(a6)
    sw zero,16(a6)
    sw zero,20(a6)
    li t0,1
    sw t0,24(a6)
    sub a0,a2,t5
    srli a0,a0,1
    ret
matchstick_end \name
.endm

# Four quads of a row at a time. Where the quads of a row are no multiple of four, the first round begins at its second, third or fourth
# quad, which is what s8 says; all pointers then begin as many quads too early (s7 for the rows), where nothing is read.
.macro matchstick_rv32_by_quads name, four, one
    matchstick_rv32_open \name
    slli t0,a1,5
    add s5,a4,t0
    neg t0,a1
    andi t0,t0,3
    slli s7,t0,2
    slli t1,t0,5
    sub s4,a4,t1
    lla s8,10f
    beqz t0,2f
    addi t0,t0,-1
    lla s8,11f
    beqz t0,2f
    addi t0,t0,-1
    lla s8,12f
    beqz t0,2f
    lla s8,13f
2:
    matchstick_rv32_next s7
    jr s8
10:
    \four 0
    \four 1
    \four 2
    \four 3
11:
    \four 4
    \four 5
    \four 6
    \four 7
12:
    \four 8
    \four 9
    \four 10
    \four 11
13:
    \four 12
    \four 13
    \four 14
    \four 15
    addi a0,a0,16
    addi a1,a1,16
    addi a7,a7,16
    addi t6,t6,16
    addi a4,a4,128
    bne a4,s5,10b
    matchstick_rv32_four_done
    matchstick_rv32_ones \name,\one,32
.endm

# ---- Folded rows.

# sum += w * (b - -a) where b > -a.
.macro matchstick_rv32_add_active b, sum
    bge t4,\b,98f
    sub \b,\b,t4
    mul \b,\b,t5
    add \sum,\sum,\b
98:
.endm

.macro matchstick_rv32_unit unit, b0, b1, b2, b3
    lh t5,(\unit/4*32+8+\unit%4*2)(a4)
    beqz t5,97f
    lh t4,(\unit/4*32+\unit%4*2)(a4)
    lb t0,\b0
    lb t1,\b1
    lb t2,\b2
    lb t3,\b3
    matchstick_rv32_add_active t0,s0
    matchstick_rv32_add_active t1,s1
    matchstick_rv32_add_active t2,s2
    matchstick_rv32_add_active t3,s3
97:
.endm

.macro matchstick_rv32_four_int8 unit
    matchstick_rv32_unit \unit,\unit(a0),\unit(a1),\unit(a7),\unit(t6)
.endm

.macro matchstick_rv32_one_unit unit, b
    lb t0,\b
    lh t1,(\unit/4*32+\unit%4*2)(a7)
    bge t1,t0,98f
    lh t2,(\unit/4*32+8+\unit%4*2)(a7)
    sub t0,t0,t1
    mul t0,t0,t2
    add t3,t3,t0
98:
.endm

.macro matchstick_rv32_one_int8
    matchstick_rv32_one_unit 0,0(t6)
    matchstick_rv32_one_unit 1,1(t6)
    matchstick_rv32_one_unit 2,2(t6)
    matchstick_rv32_one_unit 3,3(t6)
.endm

matchstick_rv32_by_quads fold_int8,matchstick_rv32_four_int8,matchstick_rv32_one_int8

# int4: eight units of each item are unpacked to int8 on the stack and treated as such. `mask` has the high nibbles of a word.
.macro matchstick_rv32_unpack row, mask, to
    lw t0,0(\row)
    slli t1,t0,4
    and t1,t1,\mask
    and t0,t0,\mask
    sw t1,\to(sp)
    sw t0,\to+4(sp)
.endm

.macro matchstick_rv32_one_int4
    addi sp,sp,-16
    li t2,0xf0f0f0f0
    matchstick_rv32_unpack t6,t2,0
.irp unit,0,1,2,3,4,5,6,7
    matchstick_rv32_one_unit \unit,\unit(sp)
.endr
    addi sp,sp,16
.endm

    matchstick_rv32_open fold_int4
    mv s4,a4
    slli t0,a1,6
    add s5,a4,t0
    li s8,0xf0f0f0f0
2:
    matchstick_rv32_next
3:
    matchstick_rv32_unpack a0,s8,64
    matchstick_rv32_unpack a1,s8,72
    matchstick_rv32_unpack a7,s8,80
    matchstick_rv32_unpack t6,s8,88
.irp unit,0,1,2,3,4,5,6,7
    matchstick_rv32_unit \unit,64+\unit(sp),72+\unit(sp),80+\unit(sp),88+\unit(sp)
.endr
    addi a0,a0,4
    addi a1,a1,4
    addi a7,a7,4
    addi t6,t6,4
    addi a4,a4,64
    bne a4,s5,3b
    matchstick_rv32_four_done
    matchstick_rv32_ones fold_int4,matchstick_rv32_one_int4,64

# Pair tables: the operand is 2 KiB behind the first of four tables, which so are all within reach.
.macro matchstick_rv32_pair byte, row, tables, sum
    lbu t0,\byte(\row)
    slli t0,t0,2
    add t0,t0,\tables
    lw t0,(\byte*1024-2048)(t0)
    add \sum,\sum,t0
.endm

.macro matchstick_rv32_one_pairs
    matchstick_rv32_pair 0,t6,a7,t3
    matchstick_rv32_pair 1,t6,a7,t3
    matchstick_rv32_pair 2,t6,a7,t3
    matchstick_rv32_pair 3,t6,a7,t3
.endm

    matchstick_rv32_open fold_pairs
    li s8,4096
    mv s4,a4
    slli t0,a1,12
    add s5,s4,t0
2:
    matchstick_rv32_next
3:
.irp byte,0,1,2,3
    matchstick_rv32_pair \byte,a0,a4,s0
    matchstick_rv32_pair \byte,a1,a4,s1
    matchstick_rv32_pair \byte,a7,a4,s2
    matchstick_rv32_pair \byte,t6,a4,s3
.endr
    addi a0,a0,4
    addi a1,a1,4
    addi a7,a7,4
    addi t6,t6,4
    add a4,a4,s8
    bne a4,s5,3b
    matchstick_rv32_four_done
    matchstick_rv32_ones fold_pairs,matchstick_rv32_one_pairs,4096

# ---- The dot term.

.macro matchstick_rv32_four_dot unit
    lh t5,(\unit/4*32+\unit%4*2)(a4)
    lb t0,\unit(a0)
    lb t1,\unit(a1)
    lb t2,\unit(a7)
    lb t3,\unit(t6)
    mul t0,t0,t5
    mul t1,t1,t5
    mul t2,t2,t5
    mul t3,t3,t5
    add s0,s0,t0
    add s1,s1,t1
    add s2,s2,t2
    add s3,s3,t3
.endm

.macro matchstick_rv32_one_dot
.irp unit,0,1,2,3
    lh t0,\unit*2(a7)
    lb t1,\unit(t6)
    mul t0,t0,t1
    add t3,t3,t0
.endr
.endm

matchstick_rv32_by_quads dot_int8,matchstick_rv32_four_dot,matchstick_rv32_one_dot

# ---- Product-quantised rows.
#
# FoundOne pq(rows, items, biases, tables, threshold), see `PqScan` in rv32.rs: several items a round, then the rest one by one. Each item is
# compared as soon as it is summed, so that nothing beyond it has been computed when the scan stops.
#
#   a0         rows; side by side, so those of a round are within reach of one address
#   a1         items, then the sum              a3, a6     2 KiB behind the first of eight tables, of the next eight
#   a2, a7     the first bias, the one at hand  a4         threshold
#   t2, t6     where the last round begins, behind the last bias

.macro matchstick_rv32_codes byte, code, base
    lbu t0,\byte(a0)
    lbu t1,\byte+1(a0)
    slli t0,t0,1
    slli t1,t1,1
    add t0,t0,\base
    add t1,t1,\base
    lh t0,(\code*512-2048)(t0)
    lh t1,(\code*512-1536)(t1)
    add a1,a1,t0
    add a1,a1,t1
.endm

.macro matchstick_rv32_eight byte, base
    matchstick_rv32_codes \byte,0,\base
    matchstick_rv32_codes \byte+2,2,\base
    matchstick_rv32_codes \byte+4,4,\base
    matchstick_rv32_codes \byte+6,6,\base
.endm

# Goes to `found` if the item reaches the threshold.
.macro matchstick_rv32_item item, codes, found
    lh a1,\item*2(a7)
    matchstick_rv32_eight \item*\codes,a3
.if \codes > 8
    matchstick_rv32_eight \item*\codes+8,a6
.endif
    bge a1,a4,\found\()f
.endm

# A round has `items` items, 16 at most.
.macro matchstick_rv32_pq name, codes, items
    matchstick_function \name
    mv a7,a2
    slli a1,a1,1
    add t6,a2,a1
.if \codes > 8
    li t0,4096
    add a6,a3,t0
.endif
    addi t2,t6,-2*\items
    bltu t2,a2,4f
2:
.irp item,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
.if \item < \items
    matchstick_rv32_item \item,\codes,1\item
.endif
.endr
    addi a0,a0,\items*\codes
    addi a7,a7,\items*2
    bgeu t2,a7,2b
4:
    beq a7,t6,5f
    matchstick_rv32_item 0,\codes,10
    addi a0,a0,\codes
    addi a7,a7,2
    j 4b
5:
    li a0,-1
    ret
.irp item,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
.if \item < \items
1\item:
    sub a0,a7,a2
    srli a0,a0,1
    addi a0,a0,\item
    ret
.endif
.endr
10:
    sub a0,a7,a2
    srli a0,a0,1
    ret
matchstick_end \name
.endm

matchstick_rv32_pq pq8,8,16
matchstick_rv32_pq pq16,16,4

# ---- Score tables for groups of four or eight units.
#
# void pq_tables(codebooks, units, shift, tables, tables_end): -a of a group's units stays in s0 to s7, w in s8 to s11 and t3 to t6.

.macro matchstick_rv32_entry_unit byte, negated, weight
    lb t0,\byte(a0)
    bge \negated,t0,98f
    sub t0,t0,\negated
    mul t0,t0,\weight
    add t1,t1,t0
98:
.endm

.macro matchstick_rv32_entry quads, entry
    mv t1,a5
    matchstick_rv32_entry_unit \entry*\quads*4,s0,s8
    matchstick_rv32_entry_unit \entry*\quads*4+1,s1,s9
    matchstick_rv32_entry_unit \entry*\quads*4+2,s2,s10
    matchstick_rv32_entry_unit \entry*\quads*4+3,s3,s11
.if \quads > 1
    matchstick_rv32_entry_unit \entry*\quads*4+4,s4,t3
    matchstick_rv32_entry_unit \entry*\quads*4+5,s5,t4
    matchstick_rv32_entry_unit \entry*\quads*4+6,s6,t5
    matchstick_rv32_entry_unit \entry*\quads*4+7,s7,t6
.endif
    sra t1,t1,a2
    sh t1,\entry*2(a3)
.endm

.macro matchstick_rv32_pq_tables name, quads
    matchstick_function \name
    addi sp,sp,-48
    matchstick_rv32_save
    sw s10,40(sp)
    sw s11,44(sp)
    li a5,1
    sll a5,a5,a2
    srli a5,a5,1
2:
    lh s0,0(a1)
    lh s1,2(a1)
    lh s2,4(a1)
    lh s3,6(a1)
    lh s8,8(a1)
    lh s9,10(a1)
    lh s10,12(a1)
    lh s11,14(a1)
.if \quads > 1
    lh s4,32(a1)
    lh s5,34(a1)
    lh s6,36(a1)
    lh s7,38(a1)
    lh t3,40(a1)
    lh t4,42(a1)
    lh t5,44(a1)
    lh t6,46(a1)
.endif
    addi a1,a1,32*\quads
    addi a6,a3,512
3:
    matchstick_rv32_entry \quads,0
    matchstick_rv32_entry \quads,1
    addi a0,a0,8*\quads
    addi a3,a3,4
    bne a3,a6,3b
    bne a3,a4,2b
    matchstick_rv32_restore
    lw s10,40(sp)
    lw s11,44(sp)
    addi sp,sp,48
    ret
matchstick_end \name
.endm

matchstick_rv32_pq_tables pq_tables4,1
matchstick_rv32_pq_tables pq_tables8,2

# ---- Dense layers, eight rows at a time, then four.
#
# void dense(weights, acts, acts_end, start, sums, sums_end). A row of blocks has as many bytes as the activations: both have 16 a quad.
#
#   a0, a6       two rows of blocks     s0 to s7    sums
#   a7           activations at hand    t3 to t6    their values

# Four products of a row.
.macro matchstick_rv32_products byte, row, sum
    lb t0,\byte(\row)
    lb t1,\byte+1(\row)
    mul t0,t0,t3
    lb t2,\byte+2(\row)
    mul t1,t1,t4
    add \sum,\sum,t0
    lb t0,\byte+3(\row)
    mul t2,t2,t5
    add \sum,\sum,t1
    mul t0,t0,t6
    add \sum,\sum,t2
    add \sum,\sum,t0
.endm

.macro matchstick_rv32_dense name, load, size
    matchstick_function \name
    addi sp,sp,-48
    matchstick_rv32_save
1:
    sub a6,a2,a1
    add a6,a6,a0
    lw s0,0(a3)
    lw s1,4(a3)
    lw s2,8(a3)
    lw s3,12(a3)
    mv a7,a1
    addi t0,a4,16
    beq t0,a5,4f
    lw s4,16(a3)
    lw s5,20(a3)
    lw s6,24(a3)
    lw s7,28(a3)
2:
    \load t3,0(a7)
    \load t4,\size(a7)
    \load t5,2*\size(a7)
    \load t6,3*\size(a7)
    matchstick_rv32_products 0,a0,s0
    matchstick_rv32_products 4,a0,s1
    matchstick_rv32_products 8,a0,s2
    matchstick_rv32_products 12,a0,s3
    matchstick_rv32_products 0,a6,s4
    matchstick_rv32_products 4,a6,s5
    matchstick_rv32_products 8,a6,s6
    matchstick_rv32_products 12,a6,s7
    addi a0,a0,16
    addi a6,a6,16
    addi a7,a7,16
    bne a7,a2,2b
    mv a0,a6
    addi a3,a3,32
    sw s0,0(a4)
    sw s1,4(a4)
    sw s2,8(a4)
    sw s3,12(a4)
    sw s4,16(a4)
    sw s5,20(a4)
    sw s6,24(a4)
    sw s7,28(a4)
    addi a4,a4,32
    bne a4,a5,1b
    j 5f
4:
    \load t3,0(a7)
    \load t4,\size(a7)
    \load t5,2*\size(a7)
    \load t6,3*\size(a7)
    matchstick_rv32_products 0,a0,s0
    matchstick_rv32_products 4,a0,s1
    matchstick_rv32_products 8,a0,s2
    matchstick_rv32_products 12,a0,s3
    addi a0,a0,16
    addi a7,a7,16
    bne a7,a2,4b
    sw s0,0(a4)
    sw s1,4(a4)
    sw s2,8(a4)
    sw s3,12(a4)
5:
    matchstick_rv32_restore
    addi sp,sp,48
    ret
matchstick_end \name
.endm

matchstick_rv32_dense dense8,lb,1
matchstick_rv32_dense dense16,lw,4

# void hidden(sums, sums_end, shift, limit)
.macro matchstick_rv32_clamp sum
    lw t0,\sum(a0)
    sra t0,t0,a2
    bgez t0,97f
    li t0,0
97:
    bge a3,t0,98f
    mv t0,a3
98:
    sw t0,\sum(a0)
.endm

    matchstick_function hidden
1:
    matchstick_rv32_clamp 0
    matchstick_rv32_clamp 4
    matchstick_rv32_clamp 8
    matchstick_rv32_clamp 12
    addi a0,a0,16
    bne a0,a1,1b
    ret
matchstick_end hidden

# ---- Folded units.

# int fold_sum(user, weights, row, quads): in the stored order; two quads a round, an odd one before.
.macro matchstick_rv32_stored_unit unit
    lb t0,\unit(a2)
    lh t1,\unit*2(a0)
    add t0,t0,t1
    blez t0,98f
    lh t1,\unit*2(a1)
    mul t0,t0,t1
    add t3,t3,t0
98:
.endm

    matchstick_function fold_sum
    li t3,0
    andi t0,a3,1
    slli a3,a3,2
    add a3,a3,a2
    beqz t0,3f
.irp unit,0,1,2,3
    matchstick_rv32_stored_unit \unit
.endr
    addi a0,a0,8
    addi a1,a1,8
    addi a2,a2,4
    beq a2,a3,4f
3:
.irp unit,0,1,2,3,4,5,6,7
    matchstick_rv32_stored_unit \unit
.endr
    addi a0,a0,16
    addi a1,a1,16
    addi a2,a2,8
    bne a2,a3,3b
4:
    mv a0,t3
    ret
matchstick_end fold_sum

# void fold_units(user, weights, units, units_end): keeps -a, and w where some b makes the unit active.
.macro matchstick_rv32_negate unit
    lh t2,\unit*2(a0)
    neg t2,t2
    sh t2,\unit*2(a2)
    blt t2,t3,98f
    sh zero,8+\unit*2(a2)
98:
.endm

    matchstick_function fold_units
    li t3,127
2:
    lw t0,0(a1)
    lw t1,4(a1)
    sw t0,8(a2)
    sw t1,12(a2)
    matchstick_rv32_negate 0
    matchstick_rv32_negate 1
    matchstick_rv32_negate 2
    matchstick_rv32_negate 3
    addi a0,a0,8
    addi a1,a1,8
    addi a2,a2,32
    bne a2,a3,2b
    ret
matchstick_end fold_units

# Another version of this crate may have macros of these names.
.irp macro,rv32_save,rv32_restore,rv32_open,rv32_next,rv32_four_done,rv32_ones,rv32_by_quads,rv32_add_active,rv32_unit,rv32_four_int8,rv32_one_unit
.purgem matchstick_\macro
.endr
.irp macro,rv32_one_int8,rv32_unpack,rv32_one_int4,rv32_pair,rv32_one_pairs,rv32_four_dot,rv32_one_dot,rv32_codes,rv32_eight,rv32_item,rv32_pq
.purgem matchstick_\macro
.endr
.irp macro,rv32_entry_unit,rv32_entry,rv32_pq_tables,rv32_products,rv32_dense,rv32_clamp,rv32_stored_unit,rv32_negate
.purgem matchstick_\macro
.endr

.option pop
