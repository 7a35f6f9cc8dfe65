package io.lanewise.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/** oneDNN's {@code dnnl_sgemm}, the weights as they are. */
final class OneDnnMultiplier extends Multiplier {
    private final MethodHandle sgemm;
    private final MemorySegment x;
    private final MemorySegment[] weights;
    private final MemorySegment y;
    private final long m;
    private final long n;
    private final long k;

    OneDnnMultiplier(Arena arena, Tensor x, Tensor w, int copies, int threads) throws Throwable {
        NativePeer.setEnvironment("OMP_NUM_THREADS", String.valueOf(threads));
        SymbolLookup library = NativePeer.load("dnnl", "libdnnl.so.3");
        this.sgemm = NativePeer.function(library, "dnnl_sgemm", FunctionDescriptor.of(JAVA_INT, JAVA_BYTE, JAVA_BYTE,
                JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_FLOAT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_FLOAT, ADDRESS,
                JAVA_LONG));
        this.m = x.shape().dim(0);
        this.n = w.shape().dim(0);
        this.k = w.shape().dim(1);
        this.x = x.segment();
        this.y = Tensor.allocate(arena, m, n).segment();
        this.weights = copies(arena, w, copies);
    }

    @Override
    void multiply(int copy) {
        try {
            int status = (int) sgemm.invokeExact((byte) 'N', (byte) 'T', m, n, k, 1f, x, k, weights[copy], k, 0f, y, n);
            if (status != 0) {
                throw new IllegalStateException("dnnl_sgemm: status " + status);
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
