package io.lanewise.cli;

import io.lanewise.kernels.WeightCodec;
import io.lanewise.parallel.ComputePool;
import io.lanewise.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    /** What one thread draws and encodes at a time. */
    private static final int PIECE = 1 << 16;
    /** Rows start at multiples of the longest block. */
    private static final int STEP = 256;

    private record Key(DType type, float scale) {}

    private final Arena arena;
    private final long seed;
    private final Map<Key, MemorySegment> stretches = new HashMap<>();

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
        return stretches.computeIfAbsent(new Key(type, scale), key -> {
            MemorySegment stretch = arena.allocate(type.byteSize(POOL_ELEMENTS), 64);
            ComputePool.shared().parallelFor(POOL_ELEMENTS / PIECE, 1, (from, to, worker) -> {
                for (int piece = from; piece < to; piece++) {
                    encodePiece(piece, type, scale, stretch);
                }
            });
            return stretch;
        });
    }

    private void encodePiece(int piece, DType type, float scale, MemorySegment stretch) {
        try (Arena scratch = Arena.ofShared()) {
            MemorySegment floats = scratch.allocateFrom(ValueLayout.JAVA_FLOAT, floats(-1 - piece, PIECE, 0, scale));
            WeightCodec.require(type).encode(floats, 0, stretch, type.byteSize((long) piece * PIECE), PIECE);
        }
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
