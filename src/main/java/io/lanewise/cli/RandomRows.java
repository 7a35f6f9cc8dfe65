package io.lanewise.cli;

import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Random matrix rows by the gigabyte: one stretch of normally distributed numbers is drawn and encoded once a type and
 * scale, and every row is a piece of it from a place of its own. Rows differ, blocks look like those of a real file, and
 * a row costs a copy.
 */
final class RandomRows {
    private static final int POOL_ELEMENTS = 1 << 21;
    /** Rows start at multiples of the longest block. */
    private static final int STEP = 256;

    private record Key(DType type, float scale) {}

    private final Arena arena;
    private final long seed;
    private final Map<Key, MemorySegment> pools = new HashMap<>();
    private float[] normal;

    RandomRows(Arena arena, long seed) {
        this.arena = arena;
        this.seed = seed;
    }

    /** [length] numbers around {@code mean}. */
    float[] floats(long tensor, int length, float mean, float deviation) {
        SplittableRandom random = new SplittableRandom(mix(tensor, -1));
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) random.nextGaussian(mean, deviation);
        }
        return values;
    }

    /** The stretch in a type, multiplied by {@code scale}. */
    MemorySegment encoded(DType type, float scale) {
        return pools.computeIfAbsent(new Key(type, scale), key -> {
            if (normal == null) {
                normal = floats(-1, POOL_ELEMENTS, 0, 1);
            }
            MemorySegment pool = arena.allocate(type.byteSize(POOL_ELEMENTS), 64);
            WeightTypes.encode(type, normal, scale, pool);
            return pool;
        });
    }

    /** Byte of the stretch where a row of a tensor starts. */
    long start(long tensor, long row, DType type, int length) {
        long places = (POOL_ELEMENTS - length) / STEP;
        return type.byteSize(Long.remainderUnsigned(mix(tensor, row), places) * STEP);
    }

    /** SplitMix64's finaliser over the seed and a place. */
    private long mix(long tensor, long row) {
        long z = seed * 0x9e3779b97f4a7c15L + (tensor << 32) + row;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
