package io.lanewise.nn;

import io.lanewise.kernels.PackedMatrix;

/** The feed-forward matrices of a layer's experts, all of one shape. For any number of threads. */
public interface Experts {
    /** Gate and up of an expert in one gated matrix [ffnDim, dim]. */
    PackedMatrix gateUp(int expert);

    /** [dim, ffnDim]. */
    PackedMatrix down(int expert);

    /** Experts that have been packed so far. */
    int packedCount();

    /** Bytes of memory of those. */
    long byteSize();
}
