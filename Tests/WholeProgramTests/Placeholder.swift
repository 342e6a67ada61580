// Tests of WholeProgram.
