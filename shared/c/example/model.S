/* The model, in the program. MODEL is the path of the file that `matchstick quantize` wrote. */
    .section .model, "a"
    .balign 16
    .global _model_start
    .global _model_end
_model_start:
    .incbin MODEL
_model_end:
