package io.lanewise.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Machine;
import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Measures the machine's roofs in a moment, so that it can be done before and after each thing that is measured: what a
 * shared machine can do changes from second to second, and a figure means something beside the roof of its own second only.
 * A figure is the median of {@value #RUNS} runs of {@value #RUN_MILLIS} ms or so. One thread at a time.
 */
public final class RoofMeter implements AutoCloseable {
    private static final VectorSpecies<Float> FLOAT = Lanes.FLOAT;
    private static final int CHAINS = 12;
    /** Short enough (some 50 us) that threads end a run together, long enough that claiming a part costs nothing. */
    private static final int ROUNDS = 20_000;
    /** Bytes a thread reads between two claims: a stream that starts anew costs a microsecond, this one takes a hundred. */
    private static final long SLICE = 2L << 20;
    private static final int RUN_MILLIS = 6;
    private static final long RUN_NANOS = RUN_MILLIS * 1_000_000L;
    private static final int RUNS = 7;
    private static final long WARM_UP_NANOS = 400_000_000L;

    private final Map<Integer, Team> teams = new HashMap<>();
    private final Map<Integer, ComputePool> pools = new HashMap<>();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer;
    private final MemorySegment sums;
    private final int maxThreads;
    private final double[] rates = new double[RUNS];
    private final StageBody multiplying = this::multiply;
    private final StageBody reading = this::read;
    private int firstSlice;

    /**
     * Takes half a second to warm up, and a buffer of four times the last cache, but at least 256 MiB and at most 1 GiB:
     * it is read from end to end before any of it is read again.
     *
     * @param maxThreads threads of a measurement at most
     */
    public RoofMeter(int maxThreads) {
        this.maxThreads = maxThreads;
        this.buffer = arena.allocate(Math.clamp(4L * Machine.L3_BYTES, 256L << 20, 1L << 30) / SLICE * SLICE, 64);
        this.sums = arena.allocate(64L * maxThreads, 64);
        long start = System.nanoTime();
        while (System.nanoTime() - start < WARM_UP_NANOS) {
            fma(maxThreads);
            read(maxThreads);
        }
    }

    /** Billions of FP32 operations a second on so many threads at once, a multiply-add counting two; takes 50 ms. */
    public double fma(int threads) {
        int parts = 64 * threads;
        return median(threads, parts, multiplying, 2.0 * parts * ROUNDS * CHAINS * Lanes.FLOATS);
    }

    /** Billions of bytes a second that so many threads read from memory; takes 50 ms. */
    public double read(int threads) {
        int slices = (int) Math.min(64L * threads, buffer.byteSize() / SLICE);
        return median(threads, slices, reading, (double) slices * SLICE);
    }

    /** Units of work a nanosecond. */
    private double median(int threads, int parts, StageBody body, double work) {
        Team team = teams.computeIfAbsent(threads, this::newTeam);
        team.enter();
        try {
            for (int run = 0; run < RUNS; run++) {
                long start = System.nanoTime();
                long taken;
                int repeats = 0;
                do {
                    team.run(parts, 1, body);
                    firstSlice += parts;
                    repeats++;
                    taken = System.nanoTime() - start;
                } while (taken < RUN_NANOS);
                rates[run] = repeats * work / taken;
            }
        } finally {
            team.exit();
        }
        Arrays.sort(rates);
        return rates[RUNS / 2];
    }

    private Team newTeam(int threads) {
        if (threads < 1 || threads > maxThreads) {
            throw new IllegalArgumentException("roof: expected 1 to " + maxThreads + " threads, got " + threads);
        }
        return pools.computeIfAbsent(threads, ComputePool::new).newTeam();
    }

    private void multiply(int from, int to, int worker) {
        for (int part = from; part < to; part++) {
            multiplyAdds(ROUNDS, sums, 64L * worker);
        }
    }

    private void read(int from, int to, int worker) {
        long slices = buffer.byteSize() / SLICE;
        for (int part = from; part < to; part++) {
            sum(buffer, (firstSlice + part & Integer.MAX_VALUE) % slices * SLICE, (int) (SLICE / Lanes.BITS), sums,
                    64L * worker);
        }
    }

    /** Frees the buffer and ends the threads. */
    @Override
    public void close() {
        pools.values().forEach(ComputePool::close);
        arena.close();
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
