package io.lanewise.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/** OpenBLAS's {@code cblas_sgemm}, or {@code cblas_sgemv} for one row. */
class OpenBlasMultiplier extends Multiplier {
    private static final int ROW_MAJOR = 101;
    private static final int NOT_TRANSPOSED = 111;
    private static final int TRANSPOSED = 112;

    private final MethodHandle sgemm;
    private final MethodHandle sgemv;
    private final MemorySegment x;
    private final MemorySegment[] weights;
    private final MemorySegment y;
    private final int m;
    private final int n;
    private final int k;

    OpenBlasMultiplier(Arena arena, Tensor x, Tensor w, int copies, int threads) throws Throwable {
        NativePeer.setEnvironment("OPENBLAS_NUM_THREADS", String.valueOf(threads));
        SymbolLookup library = NativePeer.load("openblas", "libopenblas.so.0");
        this.sgemm = NativePeer.function(library, "cblas_sgemm", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT, JAVA_INT,
                JAVA_INT, JAVA_INT, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_FLOAT, ADDRESS,
                JAVA_INT));
        this.sgemv = NativePeer.function(library, "cblas_sgemv", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT, JAVA_INT,
                JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_FLOAT, ADDRESS, JAVA_INT));
        this.m = x.shape().size(0);
        this.n = w.shape().size(0);
        this.k = w.shape().size(1);
        this.x = x.segment();
        this.y = Tensor.allocate(arena, m, n).segment();
        this.weights = copies(arena, w, copies);
    }

    @Override
    void multiply(int copy) {
        try {
            if (m == 1) {
                sgemv.invokeExact(ROW_MAJOR, NOT_TRANSPOSED, n, k, 1f, weights[copy], k, x, 1, 0f, y, 1);
            } else {
                sgemm.invokeExact(ROW_MAJOR, NOT_TRANSPOSED, TRANSPOSED, m, n, k, 1f, x, k, weights[copy], k, 0f, y, n);
            }
        } catch (Throwable thrown) {
            throw new IllegalStateException(thrown);
        }
    }

    @Override
    MemorySegment y() {
        return y;
    }
}
