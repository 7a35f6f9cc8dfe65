package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Machine;
import io.lanewise.parallel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * What this machine can do at most, as our own kernels reach it: the roofs that other figures are a share of.
 *
 * @param threads threads of the "all" figures
 * @param fmaOne billions of FP32 operations a second on one thread, a multiply-add counting two
 * @param fmaAll the same on all threads at once
 * @param readOne billions of bytes a second that one thread reads from memory
 * @param readAll the same on all threads at once
 */
public record Roofline(int threads, double fmaOne, double fmaAll, double readOne, double readAll) {
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final int CHAINS = 12;
    private static final int ROUNDS = 200_000;
    private static final long SLICE = 4L << 20;
    /** How long each of the four figures is tried for in a round; the best try counts, since whatever disturbs makes it slower. */
    private static final long NANOS = 80_000_000L;

    /** Takes about a second and, for as long, a buffer of eight times the last cache, 256 MiB at least. */
    public static Roofline measure(ComputePool pool) {
        long bytes = Math.max(256L << 20, 8L * Machine.L3_BYTES) / SLICE * SLICE;
        try (Arena arena = Arena.ofShared(); ComputePool single = new ComputePool(1)) {
            MemorySegment buffer = arena.allocate(bytes, 64);
            Team one = single.newTeam();
            Team all = pool.newTeam();
            MemorySegment sums = arena.allocate(64L * Math.max(1, pool.threads()), 64);
            double fmaOne = 0;
            double fmaAll = 0;
            double readOne = 0;
            double readAll = 0;
            // Thrice round, so that neither the compiler's start nor a neighbour's burst falls on one figure alone.
            for (int round = 0; round < 3; round++) {
                fmaOne = Math.max(fmaOne, fma(one, sums));
                fmaAll = Math.max(fmaAll, pool.threads() == 1 ? fmaOne : fma(all, sums));
                readOne = Math.max(readOne, read(one, buffer, sums));
                readAll = Math.max(readAll, pool.threads() == 1 ? readOne : read(all, buffer, sums));
            }
            return new Roofline(pool.threads(), fmaOne, fmaAll, readOne, readAll);
        }
    }

    /** The FMA roof for a number of threads: measured for one and for all, in between in proportion. */
    public double fma(int count) {
        return between(count, fmaOne, fmaAll);
    }

    /** The roof of reading from memory for a number of threads. */
    public double read(int count) {
        return between(count, readOne, readAll);
    }

    private double between(int count, double one, double all) {
        return count >= threads ? all : count <= 1 ? one : one + (all - one) * (count - 1) / (threads - 1);
    }

    private static double fma(Team team, MemorySegment sums) {
        int parts = 4 * team.threads();
        double operations = 2.0 * parts * ROUNDS * CHAINS * Lanes.FLOATS;
        return operations / best(team, () -> {
            team.run(parts, 1, (from, to, worker) -> {
                for (int part = from; part < to; part++) {
                    multiplyAdds(ROUNDS, sums, 64L * worker);
                }
            });
        });
    }

    private static double read(Team team, MemorySegment buffer, MemorySegment sums) {
        int slices = (int) (buffer.byteSize() / SLICE);
        return buffer.byteSize() / best(team, () -> {
            team.run(slices, 1, (from, to, worker) -> {
                for (int slice = from; slice < to; slice++) {
                    sum(buffer, slice * SLICE, (int) (SLICE / Lanes.BITS), sums, 64L * worker);
                }
            });
        });
    }

    /** Nanoseconds of the fastest run. */
    private static double best(Team team, Runnable run) {
        team.enter();
        try {
            long least = Long.MAX_VALUE;
            long start = System.nanoTime();
            for (long now = start, end; now - start < NANOS; now = end) {
                run.run();
                end = System.nanoTime();
                least = Math.min(least, end - now);
            }
            return least;
        } finally {
            team.exit();
        }
    }

    /**
     * Twelve independent chains: latency 4 × 2 units need eight, and with AVX2's 16 registers there is room for 12. Two
     * rounds a loop make the method too big to be inlined: inlined into the long loop of a pool's helper it ran at a third
     * of its speed.
     */
    private static void multiplyAdds(int rounds, MemorySegment sums, long at) {
        FloatVector factor = FloatVector.broadcast(FLOAT, 0.999f);
        FloatVector a0 = FloatVector.broadcast(FLOAT, 1f);
        FloatVector a1 = a0.add(factor);
        FloatVector a2 = a1.add(factor);
        FloatVector a3 = a2.add(factor);
        FloatVector a4 = a3.add(factor);
        FloatVector a5 = a4.add(factor);
        FloatVector a6 = a5.add(factor);
        FloatVector a7 = a6.add(factor);
        FloatVector a8 = a7.add(factor);
        FloatVector a9 = a8.add(factor);
        FloatVector a10 = a9.add(factor);
        FloatVector a11 = a10.add(factor);
        for (int i = 0; i < rounds; i += 2) {
            a0 = a0.fma(factor, factor);
            a1 = a1.fma(factor, factor);
            a2 = a2.fma(factor, factor);
            a3 = a3.fma(factor, factor);
            a4 = a4.fma(factor, factor);
            a5 = a5.fma(factor, factor);
            a6 = a6.fma(factor, factor);
            a7 = a7.fma(factor, factor);
            a8 = a8.fma(factor, factor);
            a9 = a9.fma(factor, factor);
            a10 = a10.fma(factor, factor);
            a11 = a11.fma(factor, factor);
            a0 = a0.fma(factor, factor);
            a1 = a1.fma(factor, factor);
            a2 = a2.fma(factor, factor);
            a3 = a3.fma(factor, factor);
            a4 = a4.fma(factor, factor);
            a5 = a5.fma(factor, factor);
            a6 = a6.fma(factor, factor);
            a7 = a7.fma(factor, factor);
            a8 = a8.fma(factor, factor);
            a9 = a9.fma(factor, factor);
            a10 = a10.fma(factor, factor);
            a11 = a11.fma(factor, factor);
        }
        FloatVector sum = a0.add(a1).add(a2.add(a3)).add(a4.add(a5).add(a6.add(a7))).add(a8.add(a9).add(a10.add(a11)));
        sum.intoMemorySegment(sums, at, LITTLE_ENDIAN);
    }

    /** Sums {@code rounds} × 8 vectors, in eight chains; megabytes a call, so that nothing but the data takes time. */
    private static void sum(MemorySegment buffer, long at, int rounds, MemorySegment sums, long to) {
        int step = Lanes.BITS / 8;
        FloatVector a0 = FloatVector.zero(FLOAT);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector a4 = a0;
        FloatVector a5 = a0;
        FloatVector a6 = a0;
        FloatVector a7 = a0;
        for (int i = 0; i < rounds; i++) {
            long from = at + 8L * i * step;
            a0 = a0.add(FloatVector.fromMemorySegment(FLOAT, buffer, from, LITTLE_ENDIAN));
            a1 = a1.add(FloatVector.fromMemorySegment(FLOAT, buffer, from + step, LITTLE_ENDIAN));
            a2 = a2.add(FloatVector.fromMemorySegment(FLOAT, buffer, from + 2L * step, LITTLE_ENDIAN));
            a3 = a3.add(FloatVector.fromMemorySegment(FLOAT, buffer, from + 3L * step, LITTLE_ENDIAN));
            a4 = a4.add(FloatVector.fromMemorySegment(FLOAT, buffer, from + 4L * step, LITTLE_ENDIAN));
            a5 = a5.add(FloatVector.fromMemorySegment(FLOAT, buffer, from + 5L * step, LITTLE_ENDIAN));
            a6 = a6.add(FloatVector.fromMemorySegment(FLOAT, buffer, from + 6L * step, LITTLE_ENDIAN));
            a7 = a7.add(FloatVector.fromMemorySegment(FLOAT, buffer, from + 7L * step, LITTLE_ENDIAN));
        }
        FloatVector sum = a0.add(a1).add(a2.add(a3)).add(a4.add(a5).add(a6.add(a7)));
        sum.intoMemorySegment(sums, to, LITTLE_ENDIAN);
    }
}
