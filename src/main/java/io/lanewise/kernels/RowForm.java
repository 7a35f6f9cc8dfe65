package io.lanewise.kernels;

/** What {@link PanelFormat#multiplyRow} of a type wants a row of x as; made once a stage and worker, shared by all its products. */
abstract class RowForm {
    /** Brings the row of {@code inDim} floats that {@code row} holds into this form; allocates where it is the longest so far. */
    abstract void write(RowInput row, int inDim);
}
