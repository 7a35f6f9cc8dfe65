package io.lanewise.bench;

import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;

/** OpenBLAS made to use its AVX-512 kernels, which it does not choose by itself on every machine that has them. */
final class OpenBlasSkylakeXMultiplier extends OpenBlasMultiplier {
    OpenBlasSkylakeXMultiplier(Arena arena, Tensor x, Tensor w, int copies, int threads) throws Throwable {
        NativePeer.setEnvironment("OPENBLAS_CORETYPE", "SKYLAKEX");
        super(arena, x, w, copies, threads);
    }
}
