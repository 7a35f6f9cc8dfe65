package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A vector that C2 fails to keep in a register shows as an allocation: once compiled, kernels allocate nothing. */
@Tag("allocation")
class KernelAllocationTest {
    private static final int N = 1024;
    private static final long PATIENCE_NANOS = 20_000_000_000L;

    private static Map<String, Runnable> kernels(Arena arena) {
        MemorySegment x = arena.allocate(4 * N, 64);
        MemorySegment y = arena.allocate(4 * N, 64);
        MemorySegment q = arena.allocate(4 * N, 64);
        RopeTable interleaved = new RopeTable(RopeStyle.INTERLEAVED, 128, 10_000, RopeScaling.none());
        RopeTable halfSplit = new RopeTable(RopeStyle.HALF_SPLIT, 128, 10_000, RopeScaling.none());
        interleaved.fillRow(3, q, 0);
        Map<String, Runnable> kernels = new TreeMap<>();
        kernels.put("rms", () -> Norm.rms(x, 0, x, y, 0, N, 1e-5f));
        kernels.put("layer", () -> Norm.layer(x, 0, x, x, y, 0, N, 1e-5f));
        kernels.put("softmax", () -> Softmax.row(x, 0, N));
        kernels.put("argmax", () -> Argmax.of(x, 0, N));
        kernels.put("interleaved", () -> interleaved.apply(x, 0, 8, 128, q, 0));
        kernels.put("halfSplit", () -> halfSplit.apply(x, 0, 8, 128, q, 0));
        kernels.put("fillRow", () -> halfSplit.fillRow(3, y, 0));
        kernels.put("add", () -> Elementwise.add(x, 0, x, 0, y, 0, N));
        kernels.put("mul", () -> Elementwise.mul(x, 0, x, 0, y, 0, N));
        kernels.put("scale", () -> Elementwise.scale(x, 0, 0.5f, y, 0, N));
        kernels.put("addScaled", () -> Elementwise.addScaled(x, 0, 0.5f, y, 0, N));
        kernels.put("relu", () -> Elementwise.relu(x, 0, y, 0, N));
        kernels.put("sigmoid", () -> Elementwise.sigmoid(x, 0, y, 0, N));
        kernels.put("silu", () -> Elementwise.silu(x, 0, y, 0, N));
        kernels.put("geluTanh", () -> Elementwise.geluTanh(x, 0, y, 0, N));
        kernels.put("geluErf", () -> Elementwise.geluErf(x, 0, y, 0, N));
        kernels.put("siluMul", () -> Elementwise.siluMul(x, 0, x, 0, y, 0, N));
        kernels.put("geluTanhMul", () -> Elementwise.geluTanhMul(x, 0, x, 0, y, 0, N));
        kernels.put("geluErfMul", () -> Elementwise.geluErfMul(x, 0, x, 0, y, 0, N));
        kernels.put("softCap", () -> Elementwise.softCap(y, 0, N, 30f));
        kernels.put("activationQuant", () -> ActivationQuant.row(x, 0, N, q, 0, y, y, 0));
        return kernels;
    }

    @Test
    void kernelsAllocateNothingOnceTheyAreCompiled() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofConfined()) {
            kernels(arena).forEach((name, kernel) -> {
                long deadline = System.nanoTime() + PATIENCE_NANOS;
                long allocated;
                do {
                    long before = threads.getCurrentThreadAllocatedBytes();
                    for (int call = 0; call < 1000; call++) {
                        kernel.run();
                    }
                    allocated = threads.getCurrentThreadAllocatedBytes() - before;
                } while (allocated > 1000 && System.nanoTime() < deadline);
                // The counter itself may cost a few bytes; a boxed vector costs 1,000 calls at least 16,000.
                assertThat(allocated).as("bytes that 1,000 calls of %s allocate", name).isLessThanOrEqualTo(1000);
            });
        }
    }
}
