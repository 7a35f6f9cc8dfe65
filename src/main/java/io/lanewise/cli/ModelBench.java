package io.lanewise.cli;

import io.lanewise.format.Checkpoint;
import io.lanewise.generate.LoadOptions;
import io.lanewise.generate.Model;
import io.lanewise.generate.Session;
import io.lanewise.generate.SessionOptions;
import io.lanewise.kernels.RoofMeter;
import io.lanewise.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.Consumer;
import org.HdrHistogram.Histogram;

/**
 * Measures a whole model: first in the cold process as a user meets it, then warm, prefill and decode in turns, each
 * between two measurements of its roof. Tokens are random, and every prefill reads others.
 */
final class ModelBench {
    private static final long LONGEST_STEP = 600_000_000_000L;
    /** Warm-up ends when a prefill is no faster than the best before it, or after so many. */
    private static final int MOST_WARM_UPS = 5;
    /** A warm-up of decoding takes so many steps at most, and so long. */
    private static final int MOST_WARM_UP_STEPS = 256;
    private static final long WARM_UP_NANOS = 2_000_000_000L;

    /**
     * What to do.
     *
     * @param prompt positions of a prefill
     * @param decode steps of decoding in a repetition
     * @param depth positions in the cache before each
     * @param context positions that the cache has room for
     */
    record Plan(int prompt, int decode, int repetitions, int depth, int context, int threads, DType kvType) {}

    /**
     * What came out.
     *
     * @param loadNanos to open the file and pack its weights
     * @param firstTokenNanos from the start of loading to the end of the first prefill
     * @param prefill tokens a second, one value a repetition
     * @param decode tokens a second, one value a repetition
     * @param fmaRoofs GFLOP/s beside each prefill
     * @param readRoofs GB/s beside each decode
     * @param steps nanoseconds of every decode step measured
     * @param allocatedBytesPerStep of Java heap, by all threads; -1 where the JVM does not count
     */
    record Result(ModelCost cost, double prefillOperations, Plan plan, long cacheBytes, long loadNanos,
            long firstPrefillNanos, long firstTokenNanos, Samples prefill, Samples decode, Samples fmaRoofs,
            Samples readRoofs, Histogram steps, double allocatedBytesPerStep, long collections,
            long collectionsMeasured, OptionalLong peakResidentBytes) {

        /** Of weights, one value a repetition. */
        Samples gigabytesPerSecond() {
            return decode.times(cost.bytesPerToken() / 1e9);
        }

        /** One value a repetition. */
        Samples sharesOfReadRoof() {
            return gigabytesPerSecond().over(readRoofs);
        }

        /** One value a repetition. */
        Samples gigaflops() {
            return prefill.times(prefillOperations / plan.prompt / 1e9);
        }

        /** One value a repetition. */
        Samples sharesOfFmaRoof() {
            return gigaflops().over(fmaRoofs);
        }

        /** Tokens a second of the first prefill, as a share of the steady figure. */
        double firstPrefillShare() {
            return plan.prompt * 1e9 / firstPrefillNanos / prefill.median();
        }
    }

    private final Plan plan;
    private final Consumer<String> progress;
    private final Random random = new Random(1);
    private int vocabSize;

    /** @param progress is told what is being done, and may end the run by throwing */
    ModelBench(Plan plan, Consumer<String> progress) {
        this.plan = plan;
        this.progress = progress;
    }

    /** @param opened is called when the file is open and its name is needed no more */
    Result run(Path file, Runnable opened) {
        progress.accept("loading");
        long start = System.nanoTime();
        try (Model model = Model.load(file, LoadOptions.DEFAULT.withThreads(plan.threads));
                Session session = model.newSession(SessionOptions.DEFAULT.withContextLength(plan.context)
                        .withKvType(plan.kvType))) {
            long loaded = System.nanoTime();
            vocabSize = model.config().vocabSize();
            progress.accept("first prefill");
            long firstPrefill = prefill(session);
            long firstToken = System.nanoTime();
            ModelCost cost;
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                cost = ModelCost.of(checkpoint);
            }
            opened.run();
            warmUp(session, firstPrefill);
            OptionalLong peak = ProcessFigures.peakResidentBytes();
            return measure(session, cost, loaded - start, firstPrefill, firstToken - start, peak);
        }
    }

    private void warmUp(Session session, long firstPrefill) {
        progress.accept("warming up");
        long best = firstPrefill;
        for (int i = 0; i < MOST_WARM_UPS; i++) {
            long nanos = prefill(session);
            if (i > 0 && nanos > 0.97 * best) {
                break;
            }
            best = Math.min(best, nanos);
        }
        Histogram ignored = newHistogram();
        long start = System.nanoTime();
        for (int steps = 0; steps < MOST_WARM_UP_STEPS && System.nanoTime() - start < WARM_UP_NANOS; ) {
            int count = Math.min(plan.decode, 16);
            decode(session, count, ignored);
            steps += count;
        }
    }

    private Result measure(Session session, ModelCost cost, long loadNanos, long firstPrefill, long firstToken,
            OptionalLong peak) {
        double[] prefill = new double[plan.repetitions];
        double[] decode = new double[plan.repetitions];
        double[] fma = new double[plan.repetitions];
        double[] read = new double[plan.repetitions];
        Histogram steps = newHistogram();
        long allocated = 0;
        long collectionsBefore;
        long collections;
        progress.accept("roofs");
        try (RoofMeter meter = new RoofMeter(plan.threads)) {
            collectionsBefore = ProcessFigures.collections();
            for (int i = 0; i < plan.repetitions; i++) {
                progress.accept("run " + (i + 1) + " of " + plan.repetitions);
                fillTo(session, plan.depth);
                double before = meter.fma(plan.threads);
                prefill[i] = plan.prompt * 1e9 / prefill(session);
                fma[i] = (before + meter.fma(plan.threads)) / 2;
                fillTo(session, plan.depth);
                before = meter.read(plan.threads);
                long allocatedBefore = ProcessFigures.allocatedBytes();
                decode[i] = plan.decode * 1e9 / decode(session, plan.decode, steps);
                allocated += ProcessFigures.allocatedBytes() - allocatedBefore;
                read[i] = (before + meter.read(plan.threads)) / 2;
            }
            collections = ProcessFigures.collections();
        }
        return new Result(cost, cost.prefillOperations(session.model().config(), plan.depth, plan.prompt), plan,
                session.cacheBytes(), loadNanos, firstPrefill, firstToken, new Samples(prefill), new Samples(decode),
                new Samples(fma), new Samples(read), steps,
                ProcessFigures.allocatedBytes() < 0 ? -1 : (double) allocated / plan.decode / plan.repetitions, collections,
                collections - collectionsBefore, peak);
    }

    /** Reads {@code prompt} random tokens after {@code depth} others; the nanoseconds it took. */
    private long prefill(Session session) {
        fillTo(session, plan.depth);
        int[] tokens = Arrays.copyOf(session.tokens(), plan.depth + plan.prompt);
        for (int i = plan.depth; i < tokens.length; i++) {
            tokens[i] = random.nextInt(vocabSize);
        }
        long start = System.nanoTime();
        session.prefill(tokens);
        return System.nanoTime() - start;
    }

    /** Decodes after {@code depth} positions; the nanoseconds of all steps. */
    private long decode(Session session, int count, Histogram steps) {
        fillTo(session, plan.depth);
        long start = System.nanoTime();
        long last = start;
        for (int i = 0; i < count; i++) {
            session.decode(random.nextInt(vocabSize));
            long now = System.nanoTime();
            steps.recordValue(Math.min(LONGEST_STEP, now - last));
            last = now;
        }
        return last - start;
    }

    private void fillTo(Session session, int depth) {
        if (session.position() >= depth) {
            session.truncate(depth);
            return;
        }
        int[] tokens = new int[depth];
        Arrays.setAll(tokens, i -> random.nextInt(vocabSize));
        session.prefill(tokens);
    }

    private static Histogram newHistogram() {
        return new Histogram(LONGEST_STEP, 3);
    }
}
