package io.lanewise.bench;

import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * One implementation of y [M, N] = x [M, K] · Wᵀ with W [N, K]: ours, or a peer's. Constructors take (Arena, Tensor x,
 * Tensor w, int copies, int threads); peers are looked up by name, so that the benchmarks build without them.
 */
abstract class Multiplier {
    private static final String[][] NAMES = {
        {"lanewise", "LanewiseMultiplier"}, {"onednn", "OneDnnMultiplier"}, {"openblas", "OpenBlasMultiplier"},
        {"openblas-skylakex", "OpenBlasSkylakeXMultiplier"}, {"vectorblas", "VectorBlasMultiplier"}};

    /** Multiplies with one of the equal copies of w. */
    abstract void multiply(int copy);

    /** The result [M, N], dense. */
    abstract MemorySegment y();

    void close() {}

    static Multiplier of(String name, Arena arena, Tensor x, Tensor w, int copies, int threads) throws Exception {
        return (Multiplier) type(name).getDeclaredConstructors()[0].newInstance(arena, x, w, copies, threads);
    }

    /** Whether this implementation was built in. */
    static boolean available(String name) {
        try {
            type(name);
            return true;
        } catch (ClassNotFoundException missing) {
            return false;
        }
    }

    /** w itself, and copies of it elsewhere in memory. */
    static MemorySegment[] copies(Arena arena, Tensor w, int count) {
        MemorySegment[] copies = new MemorySegment[count];
        copies[0] = w.segment();
        for (int i = 1; i < count; i++) {
            copies[i] = arena.allocate(w.byteSize(), 64).copyFrom(w.segment());
        }
        return copies;
    }

    static String[] names() {
        return Arrays.stream(NAMES).map(row -> row[0]).toArray(String[]::new);
    }

    private static Class<?> type(String name) throws ClassNotFoundException {
        for (String[] row : NAMES) {
            if (row[0].equals(name)) {
                return Class.forName(Multiplier.class.getPackageName() + "." + row[1]);
            }
        }
        throw new IllegalArgumentException("impl: no implementation called " + name);
    }
}
